//! Whether a call that takes long goes on. `docs/engine.md` defines the words.

use core::fmt;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, Ordering};

/// The work of a thread between two questions.
///
/// A unit of work is about one multiplication of scalar code. So much takes some hundredths of a second. In tests it is
/// little, so that small layers are left for questions, too.
pub(crate) const WORK_PER_QUESTION: u64 = if cfg!(test) { 1 << 12 } else { 1 << 25 };

/// A call was told to stop, and has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted")
    }
}

impl core::error::Error for Interrupted {}

/// What the calling thread was told, for all threads of a call.
#[derive(Debug, Default)]
pub(crate) struct Answer(AtomicBool);

/// What a thread knows of the end of its call: the question, if it may ask, and the answer.
///
/// Only the calling thread asks. Other threads look for the answer that it got.
#[derive(Clone, Copy, Default)]
pub(crate) struct Watch<'a> {
    question: Option<&'a dyn Fn() -> bool>,
    answer: Option<&'a Answer>,
    /// The work since the thread asked or looked.
    work: u64,
}

impl<'a> Watch<'a> {
    /// The watch of the calling thread. Without a question nothing ever stops.
    pub(crate) fn new(question: Option<&'a dyn Fn() -> bool>, answer: &'a Answer) -> Self {
        Self {
            question,
            answer: question.map(|_| answer),
            work: 0,
        }
    }

    /// The answer, for the watches of other threads.
    #[cfg(feature = "threads")]
    pub(crate) fn answer(&self) -> Option<&'a Answer> {
        self.answer
    }

    /// The watch of another thread.
    #[cfg(feature = "threads")]
    pub(crate) fn other(answer: Option<&'a Answer>) -> Self {
        Self {
            question: None,
            answer,
            work: 0,
        }
    }

    /// Notes work that was done. Now and then the thread asks, or looks for the answer.
    ///
    /// # Errors
    ///
    /// The call shall stop.
    #[inline]
    pub(crate) fn worked(&mut self, work: u64) -> Result<(), Interrupted> {
        self.work = self.work.saturating_add(work);
        if self.work < WORK_PER_QUESTION {
            return Ok(());
        }
        self.ask()
    }

    /// Asks on the calling thread, and looks for the answer on another.
    ///
    /// # Errors
    ///
    /// The call shall stop.
    #[cold]
    pub(crate) fn ask(&mut self) -> Result<(), Interrupted> {
        self.work = 0;
        if let (Some(question), Some(answer)) = (self.question, self.answer) {
            // Nobody asks again after the answer to stop.
            if !answer.0.load(Ordering::Relaxed) && question() {
                answer.0.store(true, Ordering::Relaxed);
            }
        }
        self.look()
    }

    /// Looks for an answer that is there already.
    ///
    /// # Errors
    ///
    /// The call shall stop.
    pub(crate) fn look(&self) -> Result<(), Interrupted> {
        match self.answer {
            Some(answer) if answer.0.load(Ordering::Relaxed) => Err(Interrupted),
            _ => Ok(()),
        }
    }
}

/// How many things of `work` each a thread does between two questions: at least one.
pub(crate) fn between_questions(work: u64) -> usize {
    usize::try_from(WORK_PER_QUESTION / work.max(1)).map_or(usize::MAX, |count| count.max(1))
}

/// Pieces of a range of things of `work` each, for a question after every piece.
///
/// *Example:* where two things are all the work between two questions, 2..7 is cut into 2..4, 4..6 and 6..7.
pub(crate) fn pieces(range: Range<usize>, work: u64) -> impl Iterator<Item = Range<usize>> {
    let count = range.len();
    // Most ranges are one piece, and a division would take longer than to see that.
    let most = if (count as u64).saturating_mul(work) <= WORK_PER_QUESTION {
        count.max(1)
    } else {
        between_questions(work)
    };
    let mut start = range.start;
    core::iter::from_fn(move || {
        let piece = start..start.saturating_add(most).min(range.end);
        start = piece.end;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;

    #[test]
    fn the_question_is_asked_after_enough_work_and_never_after_the_answer() {
        let asked = Cell::new(0);
        let question = || {
            asked.set(asked.get() + 1);
            asked.get() == 2
        };
        let answer = Answer::default();
        let mut watch = Watch::new(Some(&question), &answer);
        assert_eq!(watch.worked(WORK_PER_QUESTION - 1), Ok(()));
        assert_eq!(asked.get(), 0);
        assert_eq!(watch.worked(1), Ok(()));
        assert_eq!(watch.worked(WORK_PER_QUESTION - 1), Ok(()));
        assert_eq!(asked.get(), 1);
        assert_eq!(watch.worked(u64::MAX), Err(Interrupted));
        assert_eq!(
            (watch.ask(), watch.look(), asked.get()),
            (Err(Interrupted), Err(Interrupted), 2)
        );
    }

    #[test]
    fn pieces_are_the_whole_range_in_order() {
        let mut found = pieces(2..7, WORK_PER_QUESTION / 2);
        assert_eq!(found.next(), Some(2..4));
        assert_eq!((found.next(), found.next()), (Some(4..6), Some(6..7)));
        assert_eq!(found.next(), None);
        // A thing of more work is a piece of its own.
        assert_eq!(pieces(3..9, u64::MAX).count(), 6);
        assert_eq!(pieces(3..9, 0).next(), Some(3..9));
        assert_eq!(pieces(3..3, 1).next(), None);
    }

    #[test]
    fn nothing_stops_without_a_question() {
        let answer = Answer::default();
        assert_eq!(Watch::new(None, &answer).worked(u64::MAX), Ok(()));
        assert_eq!(Watch::default().ask(), Ok(()));
    }
}
