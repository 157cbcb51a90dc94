"""The report prints what is in the folder, beside what is published, and says what falls short."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from lakehouse.cli import main
from lakehouse.errors import UserError
from lakehouse.settings import ROOT
from ml.evaluate import class_metrics
from ml.report.lines import Cost, Line, markdown, speed
from ml.report.models import CASES, report
from ml.tabular.fit import fit


@pytest.mark.parametrize(
    ("metric", "value", "published", "short"),
    [
        ("AUC", 0.93, 0.937, 0.007),
        ("AUC", 0.94, 0.937, None),
        ("AUC", 0.94, None, None),
        ("relative MAE", 0.70, 0.688, 0.012),
        ("relative MAE", 0.68, 0.688, None),
        ("rules", 33, 32, 1),
        ("rules", 32, 32, None),
    ],
)
def test_what_falls_short_of_the_published_is_said(
    metric: str, value: float, published: float | None, short: float | None
) -> None:
    line = Line("a file", "a model", metric, value, published=published)
    assert line.short_by == (short if short is None else pytest.approx(short))
    assert bool(line.row()["short by"]) == (short is not None)


def test_a_line_reads_as_documents_write_numbers() -> None:
    line = Line("a", "m", "AUC", 0.93456, (0.9, 1.0), 0.5, 0.155, 0.95, Cost(1.234, 45_678, 123_456.7))
    assert markdown([line]).splitlines()[2] == (
        "| a | m | AUC | .9346 | .9000 to 1.0000 | .5000 | 0.155 | .9500 | .0154 | 1.23 | 46 | 123,457 |"
    )
    assert Line("a", "m", "relative MAE", 10.5).row()["value"] == "10.5000"


def test_speed_counts_rows_of_whole_calls() -> None:
    assert speed(lambda: sum(range(20_000)), 500, least=0.02) > 500


def churners(path: Path) -> Path:
    """Customers who leave the likelier, the less they have stayed, and their monthly charge by chance."""
    random = np.random.default_rng(0)
    tenure = random.integers(1, 70, 400)
    leaves = random.random(400) < 1 / (1 + tenure / 10)
    frame = pd.DataFrame(
        {"tenure": tenure, "charge": random.random(400), "Churn": np.where(leaves, "Yes", "No")}
    )
    path.parent.mkdir()
    frame.to_csv(path, index=False)
    return path


def test_the_files_that_are_there_are_reported_as_the_commands_tell_them(tmp_path: Path) -> None:
    file = churners(tmp_path / "telco_churn" / "telco.csv.gz")
    said: list[str] = []
    cases = [case for case in CASES if case.data in ("telco churn", "online shoppers")]
    lines = report(tmp_path, said.append, cases)
    assert {line.data for line in lines} == {"telco churn"}
    assert "online shoppers: left out, online_shoppers/train.csv.gz is not in" in said[1]
    told = fit(file, "Churn", tmp_path / "model", model="logistic", folds=10)["metrics"]
    found = {line.metric: line for line in lines if line.model == "logistic"}
    assert found["AUC"].value == told["roc_auc"]
    assert found["AUC"].interval == told["intervals"]["roc_auc"]
    assert found["AP"].baseline == found["AP"].base_rate == told["base_rate"]
    always = class_metrics(np.array([0] * 3 + [1]), np.array([[0.0, 1.0]] * 4), ("No", "Yes"))
    assert always["minority_f1"] == 2 * 0.25 / 1.25  # the baseline's formula
    cost = found["AUC"].cost
    assert cost is not None
    assert cost.size is not None
    assert 1_000 < cost.size < 100_000
    assert cost.speed is not None
    assert cost.speed > 1_000


def test_a_folder_without_any_of_the_files_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds none of the files that are reported on: clothing_reviews"):
        report(tmp_path, lambda _: None)
    done = CliRunner().invoke(main, ["report", "models", "--data", str(tmp_path)])
    assert done.exit_code == 1


def test_the_document_holds_what_the_command_prints() -> None:
    """Of each line what does not depend on the machine's speed; the figures need the files."""
    text = (ROOT / "docs" / "models.md").read_text()
    shown = text.split("<!-- report: begin -->")[1].split("<!-- report: end -->")[0].strip().splitlines()
    assert shown[0] == markdown([Line("a", "m", "AUC", 0.5)]).splitlines()[0]
    told = [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in shown[2:]]
    assert {row[0] for row in told} == {case.data for case in CASES}
    for row in told:
        value, published, short = (float(row[n].replace(",", "") or "nan") for n in (3, 7, 8))
        again = Line(row[0], row[1], row[2], value, published=None if np.isnan(published) else published)
        assert (again.short_by or 0) == pytest.approx(np.nan_to_num(short), abs=1.1e-4)
