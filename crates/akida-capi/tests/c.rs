//! The header, the library and a C program agree.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use akida_fbz::encode;
use akida_sim::{FullyConnected, InputData, Model, ModelBuilder, Shape, Weights};
use common::{floats, queue};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[path = "common/models.rs"]
mod common;

const HEADER: &str = include_str!("../include/akida_sim.h");
const SOURCES: [&str; 5] = [
    include_str!("../src/arrays.rs"),
    include_str!("../src/model.rs"),
    include_str!("../src/run.rs"),
    include_str!("../src/session.rs"),
    include_str!("../src/status.rs"),
];

/// Two inputs of four bits; their sum and their difference, less 1 each.
fn model() -> Model {
    let mut builder = ModelBuilder::new();
    let input = InputData::new(Shape::new(1, 1, 2), 4);
    builder.add("in", input, &[]).unwrap();
    let spec = FullyConnected {
        weights_bits: 2,
        act_bits: None,
        ..FullyConnected::new(2)
    };
    let dense = builder.add("out", spec, &[]).unwrap();
    let weights = Weights::new([1, 1, 2, 2], vec![1, 1, 1, -1]).unwrap();
    builder.set_variable(dense, "weights", weights).unwrap();
    builder
        .set_variable(dense, "threshold", vec![1, 1])
        .unwrap();
    builder
        .set_variable(dense, "act_step", vec![2.0, 4.0])
        .unwrap();
    builder.build().unwrap()
}

/// Compiles a C program against the header and the static library.
fn compile(source: &Path, folder: &Path) -> PathBuf {
    let built = std::env::current_exe().unwrap();
    let library = built.with_file_name("libakida_capi.a");
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("include");
    let program = folder.join("program");
    let mut compiler = Command::new(std::env::var("CC").unwrap_or("cc".into()));
    compiler
        .args([
            "-std=c99",
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Werror",
            "-I",
        ])
        .arg(include)
        .arg(source)
        .arg(library)
        .args(["-lpthread", "-lm", "-o"])
        .arg(&program);
    if cfg!(target_os = "linux") {
        compiler.arg("-ldl");
    }
    let result = compiler.output().expect("a C compiler is there");
    assert!(result.status.success(), "{}", text(&result.stderr));
    program
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs a program, under the command in `RUN_UNDER` where there is one, such as `valgrind --error-exitcode=9`.
fn run(program: &Path, arguments: &[&Path]) -> Output {
    let under = std::env::var("RUN_UNDER").unwrap_or_default();
    let mut words = under.split_whitespace();
    let mut command = match words.next() {
        Some(first) => Command::new(first),
        None => Command::new(program),
    };
    if !under.trim().is_empty() {
        command.args(words).arg(program);
    }
    command.args(arguments).output().unwrap()
}

#[test]
fn the_example_runs_a_model() {
    let folder = tempfile::tempdir().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/run.c");
    let program = compile(&source, folder.path());
    let (file, input) = (folder.path().join("m.fbz"), folder.path().join("input"));
    let bytes = encode(&model()).unwrap();
    fs::write(&file, &bytes).unwrap();

    let zeros = run(&program, &[&file]);
    let first = "input 1x1x2 of 4 bits, output 1x1x2\n";
    assert_eq!(text(&zeros.stdout), format!("{first}0 0\n"));
    fs::write(&input, [15, 4, 1, 0]).unwrap();
    let outputs = run(&program, &[&file, &input]);
    assert_eq!(text(&outputs.stdout), format!("{first}19 11\n1 1\n"));
    fs::write(&input, [15, 4, 1]).unwrap();
    let partial = run(&program, &[&file, &input]);
    assert_eq!(text(&partial.stderr), "each input must have 2 bytes\n");
    assert!(zeros.status.success() && outputs.status.success());

    fs::write(&input, [15, 16]).unwrap();
    let refused = run(&program, &[&file, &input]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(
        text(&refused.stderr),
        "error 4: input values must be in 0..=15, received 16 at index 1\n"
    );
    fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
    let cut = run(&program, &[&file]);
    let message = text(&cut.stderr);
    assert!(message.starts_with("error 2: byte "), "{message}");
}

/// Every function of the interface from C, with arguments that are refused as well.
#[test]
fn c_calls_every_function() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = encode(&model()).unwrap();
    let list: Vec<String> = bytes.iter().map(u8::to_string).collect();
    let source = folder.path().join("all.c");
    let program = format!(
        r#"
        #include <akida_sim.h>
        #include <stdio.h>
        #include <string.h>
        #define CHECK(x) if (!(x)) {{ fprintf(stderr, "line %d: %s (%s)\n", __LINE__, #x, akida_error()); return 1; }}
        static const uint8_t file[] = {{{}}};
        int main(void) {{
            akida_model *model = NULL, *none = NULL;
            const uint8_t inputs[6] = {{1, 2, 3, 4, 15, 0}}, wrong[2] = {{0, 255}};
            const uint8_t equal[4] = {{3, 0, 0, 0}};
            const int32_t potentials[4] = {{5, 8, -9, -9}};
            int32_t outputs[6], classes[3]; float values[6]; uint8_t saved[64];
            akida_session *session = NULL, *again = NULL;
            CHECK(strcmp(akida_version(), "{}") == 0);
            CHECK(strcmp(akida_error(), "") == 0);
            CHECK(akida_load(NULL, 3, &model) == AKIDA_NULL);
            CHECK(akida_load(file, sizeof file, NULL) == AKIDA_NULL);
            CHECK(akida_load(NULL, 0, &model) == AKIDA_FORMAT);
            CHECK(akida_load(file, sizeof file - 1, &model) == AKIDA_FORMAT && model == NULL);
            CHECK(strstr(akida_error(), "byte ") == akida_error());
            CHECK(akida_load(file, sizeof file, &model) == AKIDA_OK);
            CHECK(akida_input_shape(model).channels == 2 && akida_input_shape(none).channels == 0);
            CHECK(akida_output_shape(model).height == 1 && akida_output_shape(none).height == 0);
            CHECK(akida_input_bits(model) == 4 && akida_input_bits(none) == 0);
            CHECK(akida_output_bits(model) == 0 && akida_output_bits(none) == 0);
            CHECK(akida_input_type(model) == AKIDA_UINT8 && akida_input_type(none) == AKIDA_NONE);
            CHECK(akida_output_type(model) == AKIDA_INT32 && akida_output_type(none) == AKIDA_NONE);
            CHECK(akida_has_state(model) == 0 && akida_has_state(none) == 0);
            akida_stop(model);
            akida_stop(none);
            CHECK(akida_forward(model, inputs, 3, outputs, 6, 2) == AKIDA_OK);
            CHECK(outputs[0] == 3 && outputs[1] == -1 && outputs[4] == 15 && outputs[5] == 15);
            CHECK(akida_predict(model, inputs, 3, values, 6, 0) == AKIDA_OK);
            CHECK(values[0] == 1.0f && values[1] == -0.5f && values[5] == 3.5f);
            CHECK(akida_forward_typed(model, inputs, AKIDA_UINT8, 3, outputs, 6, 0) == AKIDA_OK && outputs[1] == -1);
            CHECK(akida_predict_typed(model, inputs, AKIDA_UINT8, 3, values, 6, 0) == AKIDA_OK && values[1] == -0.5f);
            CHECK(akida_forward_typed(model, inputs, AKIDA_INT8, 3, outputs, 6, 0) == AKIDA_TYPE);
            CHECK(akida_forward(model, NULL, 0, NULL, 0, 0) == AKIDA_OK);
            CHECK(akida_session_new(model, 2, &session) == AKIDA_OK && akida_session_streams(session) == 2);
            CHECK(akida_session_run(session, inputs, AKIDA_UINT8, 1, outputs, 4) == AKIDA_OK && outputs[0] == 3);
            CHECK(akida_session_reset(session) == AKIDA_OK && akida_session_size(session) <= sizeof saved);
            CHECK(akida_session_save(session, saved, akida_session_size(session)) == AKIDA_OK);
            CHECK(akida_session_restore(model, saved, akida_session_size(session), &again) == AKIDA_OK);
            CHECK(akida_session_streams(again) == 2);
            CHECK(akida_dequantize(model, outputs, values, 6) == AKIDA_OUTPUT);
            /* Potentials are equal, real numbers are 1 and 0.5, then -0.5 and -0.25. */
            CHECK(akida_classes(model, equal, AKIDA_UINT8, 2, classes, 0, 1) == AKIDA_OK);
            CHECK(classes[0] == 0 && classes[1] == 1);
            CHECK(akida_classes(model, equal, AKIDA_UINT8, 2, classes, 1, 1) == AKIDA_OK && classes[1] == 0);
            CHECK(akida_classes(model, equal, AKIDA_UINT8, 2, classes, 3, 1) == AKIDA_LENGTH);
            CHECK(akida_classes(model, equal, AKIDA_INT8, 2, classes, 0, 1) == AKIDA_TYPE);
            CHECK(akida_classes(model, wrong, AKIDA_UINT8, 1, classes, 0, 1) == AKIDA_VALUE);
            CHECK(akida_classes(model, NULL, AKIDA_UINT8, 0, NULL, 0, 0) == AKIDA_OK);
            CHECK(akida_classes(none, equal, AKIDA_UINT8, 2, classes, 0, 1) == AKIDA_NULL);
            CHECK(akida_classes(model, equal, AKIDA_UINT8, 2, NULL, 0, 1) == AKIDA_NULL);
            CHECK(akida_classes(model, equal, AKIDA_UINT8, (size_t)-1, classes, 0, 1) == AKIDA_LENGTH);
            CHECK(akida_classes_of(model, potentials, 4, classes, 2, 0) == AKIDA_OK);
            CHECK(classes[0] == 0 && classes[1] == 1);
            CHECK(akida_classes_of(model, potentials, 3, classes, 2, 0) == AKIDA_LENGTH);
            CHECK(akida_classes_of(model, NULL, 4, classes, 2, 0) == AKIDA_NULL);
            akida_session_free(session);
            akida_session_free(again);
            akida_session_free(NULL);
            CHECK(akida_forward(none, inputs, 3, outputs, 6, 0) == AKIDA_NULL);
            CHECK(akida_forward(model, NULL, 3, outputs, 6, 0) == AKIDA_NULL);
            CHECK(akida_forward(model, inputs, 3, NULL, 6, 0) == AKIDA_NULL);
            CHECK(akida_forward(model, inputs, 3, outputs, 5, 0) == AKIDA_LENGTH);
            CHECK(akida_forward(model, inputs, (size_t)-1, outputs, 6, 0) == AKIDA_LENGTH);
            CHECK(akida_forward(model, wrong, 1, outputs, 2, 0) == AKIDA_VALUE);
            akida_free(model);
            akida_free(NULL);
            return 0;
        }}
        "#,
        list.join(","),
        env!("CARGO_PKG_VERSION"),
    );
    fs::write(&source, program).unwrap();
    let result = run(&compile(&source, folder.path()), &[]);
    assert!(result.status.success(), "{}", text(&result.stderr));
}

/// Models with signed, float and wide inputs, and models with state, from C. It needs files of Akida 2.0.
#[test]
fn c_runs_models_of_akida2() {
    let folder = tempfile::tempdir().unwrap();
    let list = |model: &Model| {
        let bytes = encode(model).unwrap();
        let bytes: Vec<String> = bytes.iter().map(u8::to_string).collect();
        bytes.join(",")
    };
    let source = folder.path().join("akida2.c");
    let program = format!(
        r#"
        #include <akida_sim.h>
        #include <stdio.h>
        #define CHECK(x) if (!(x)) {{ fprintf(stderr, "line %d: %s (%s)\n", __LINE__, #x, akida_error()); return 1; }}
        static const uint8_t queue_file[] = {{{}}}, floats_file[] = {{{}}};
        int main(void) {{
            akida_model *queue, *floats; akida_session *session;
            const int16_t clip[6] = {{1, 5, 2, 0, -3, 1}};
            const float reals[4] = {{0.75f, -2.0f, 1.0f, 0.0f}};
            int32_t outputs[6], classes[6]; float values[4];
            CHECK(akida_load(queue_file, sizeof queue_file, &queue) == AKIDA_OK);
            CHECK(akida_has_state(queue) == 1 && akida_input_type(queue) == AKIDA_INT16);
            CHECK(akida_session_new(queue, 2, &session) == AKIDA_OK);
            CHECK(akida_session_run(session, clip, AKIDA_INT16, 3, outputs, 6) == AKIDA_OK);
            CHECK(outputs[0] == 1 && outputs[1] == 5 && outputs[2] == 12 && outputs[5] == 1);
            CHECK(akida_classes(queue, clip, AKIDA_INT16, 1, classes, 0, 1) == AKIDA_STATE);
            CHECK(akida_classes_of(queue, outputs, 6, classes, 6, 0) == AKIDA_OK && classes[5] == 0);
            akida_free(queue);
            akida_session_free(session);
            CHECK(akida_load(floats_file, sizeof floats_file, &floats) == AKIDA_OK);
            CHECK(akida_input_type(floats) == AKIDA_FLOAT32 && akida_output_type(floats) == AKIDA_INT8);
            CHECK(akida_predict_typed(floats, reals, AKIDA_FLOAT32, 2, values, 4, 0) == AKIDA_OK);
            CHECK(values[0] == 4.0f && values[1] == -64.0f && values[2] == 5.0f && values[3] == 0.0f);
            CHECK(akida_classes(floats, reals, AKIDA_FLOAT32, 2, classes, 0, 0) == AKIDA_OK && classes[0] == 0);
            akida_free(floats);
            return 0;
        }}
        "#,
        list(&queue()),
        list(&floats()),
    );
    fs::write(&source, program).unwrap();
    let result = run(&compile(&source, folder.path()), &[]);
    assert!(result.status.success(), "{}", text(&result.stderr));
}

/// The example takes the inputs of a model with state as steps. It needs files of Akida 2.0.
#[test]
fn the_example_runs_steps() {
    let folder = tempfile::tempdir().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/run.c");
    let program = compile(&source, folder.path());
    let (file, input) = (folder.path().join("m.fbz"), folder.path().join("input"));
    fs::write(&file, encode(&queue()).unwrap()).unwrap();
    let steps = [3i16, -4, 0].map(i16::to_ne_bytes);
    fs::write(&input, steps.concat()).unwrap();
    let outputs = run(&program, &[&file, &input]);
    let first = "input 1x1x1 of 16 bits, output 1x1x1\n";
    assert_eq!(text(&outputs.stdout), format!("{first}3\n26\n-40\n"));
}

/// The text between two others, all times.
fn between<'a>(text: &'a str, begin: &'a str, end: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(begin)
        .skip(1)
        .filter_map(move |rest| rest.split(end).next())
}

#[test]
fn the_header_has_the_functions_and_the_codes_of_the_library() {
    let parameters = |list: &str| match list.trim() {
        "" | "void" => 0,
        list => list.trim_end_matches(',').split(',').count(),
    };
    let source = SOURCES.join("\n");
    let of_source: BTreeMap<&str, usize> = between(&source, "extern \"C\" fn ", "{")
        .map(|signature| {
            let (name, rest) = signature.split_once('(').unwrap();
            (name, parameters(rest.split(')').next().unwrap()))
        })
        .collect();
    // Comments have semicolons and parentheses, too.
    let code: String = HEADER
        .split("/*")
        .map(|part| part.rsplit("*/").next().unwrap())
        .collect();
    let prototypes = code
        .split(';')
        .filter_map(|part| part.trim().split_once('('));
    let of_header: BTreeMap<&str, usize> = prototypes
        .map(|(head, list)| {
            let name = head.rsplit([' ', '*']).next().unwrap();
            (name, parameters(list.trim_end_matches(')')))
        })
        .collect();
    assert_eq!(of_header, of_source);
    assert_eq!(of_header.len(), 27);

    let numbered = |text: &str| -> BTreeMap<String, u8> {
        text.lines()
            .filter_map(|line| {
                let (name, value) = line.trim().split_once(" = ")?;
                let digits = value.split([',', ' ']).next()?;
                let name = name.trim_start_matches("AKIDA_").to_lowercase();
                Some((name, digits.parse().ok()?))
            })
            .collect()
    };
    assert_eq!(numbered(HEADER), numbered(&source));
    assert_eq!(numbered(HEADER).len(), 10 + 6);
}
