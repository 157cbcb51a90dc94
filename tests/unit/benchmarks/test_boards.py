"""What is made of a page's own times and of what viewers cost."""

from benchmarks.boards import cost_ratio, refreshes


def test_a_refresh_is_from_its_first_question_to_its_last_answer() -> None:
    asked = [
        ("b", -2000.0, -1900.0),  # the first of it was before anybody looked
        ("a", 0.0, 10.0),
        ("b", 1.0, 30.0),
        ("b", 2031.0, 2040.0),
        ("a", 2030.0, 2035.0),
        ("a", 4040.0, 4045.0),
    ]
    assert refreshes(asked) == [(0.0, 30.0), (2030.0, 2040.0)]


def test_viewers_cost_what_is_spent_above_none() -> None:
    phases = [{"cpu": 10.0}, {"cpu": 20.0}, {"cpu": 23.0}]
    assert cost_ratio(phases, "cpu") == 1.3
