"""The helper that finds numbers in texts."""

from tests.reports.shown import foreign, numbers


def test_numbers_are_found_as_they_are_written():
    text = "File net.fbz (1,234 bytes), -7..12 at 3×4; 2.15e+09, CNP1 1.0."
    assert numbers(text) == {"1,234", "-7", "12", "3", "4", "2.15e+09", "1.0"}


def test_a_number_of_another_value_is_foreign():
    values = {"count": 1234, "shape": [3, 4], "name": "net2", "share": 0.98765}
    assert foreign("1,234 of 3×4, 0.988", values) == set()
    assert foreign("1,235 of 3×5, 0.989", values) == {"1,235", "5", "0.989"}
    assert foreign("1,235", values, 1235) == set()
