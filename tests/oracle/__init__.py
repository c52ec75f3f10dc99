"""A second implementation of `docs/arithmetic.md`, in NumPy, written from that page alone.

It is slow and plain on purpose: 64-bit integers, `fractions.Fraction` where the page speaks of real
numbers, loops over the positions of a window in place of clever indexing. The engine must equal it
without exception. Comments name the rules of the page.

Modules: `layers` (sections C and D), `activation` (E and F2), `model` (B5 and G: whole graphs),
`conversion` and `fit` (H), `random_networks` (models to compare on), `engine` (from and to
`cnn2snn.akida`, by its public names).

`akida2` is the same for `docs/arithmetic-akida2.md`; `quantizeml_fixtures` gives it the recorded models.
"""
