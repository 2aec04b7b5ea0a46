"""What stands in which section of the report."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from lad.errors import InputError
from lad.evaluation import study
from lad.evaluation.courses import mean_over_sites
from lad.evaluation.few import too_many
from lad.evaluation.models import label, ordered
from lad.evaluation.scores import single_seeds, whole
from lad.evaluation.table import OVER_SITES, SHOWN, over_sites
from lad.io import read_json
from lad.report.conclusions import Conclusion, conclusions, gains, states_cells, trained
from lad.report.headings import readable
from lad.report.images import Picture, picture
from lad.report.markdown import parts
from lad.report.page import Findings, Folded, Group, Section, Text
from lad.report.tables import Table, read_csv
from lad.report.titles import place, title

SCORES = (
    "RMSE and bias (simulated minus observed) in W m⁻², bias % of the observed mean. All models of a table are "
    "scored on the same n half-hours. A model trained with several seeds is scored by the mean of its simulated fluxes."
)
INTERVALS = (
    "95 % intervals over weeks of the test period; ✓ surely better, ✗ surely worse: zero lies outside."
)
STATES = (
    "Score of the model that sees the states less that of the one that sees less (size of bias in W m⁻²: less is "
    "better), of the ensembles over weeks, of their means over seeds: 95 % intervals, ✓ better and ✗ worse where zero "
    "lies outside."
)
GAINS = f"RMSE (W m⁻²) of the model, as ensemble, less that of a reference: negative is better. {INTERVALS}"


def summary(scores: pd.DataFrame) -> str:
    """What was run, in one sentence."""
    models = trained(scores)
    seeds = single_seeds(scores[scores.model.isin(models)]).seed.nunique()
    tests = scores.groupby("site", sort=False).period.first()
    where = "; ".join(f"{site}, tested on {period.replace(':', ' to ')}" for site, period in tests.items())
    if too_many(tests.index):
        where = f"{len(tests)}, each with a page of its own"
    names = ", ".join(map(label, models))
    beside = ", ".join(label(model) for model in ordered(list(scores.model)) if model in study.REFERENCES)
    return f"Trained models: {names}, {seeds} seeds each, beside {beside}. Sites: {where}."


def study_sections(
    scores: pd.DataFrame,
    differences: pd.DataFrame,
    states: pd.DataFrame,
    validation: pd.DataFrame,
    experiments: Sequence[Conclusion] = (),
) -> list[Section]:
    """The study as a whole: published numbers first, if there are, then what was found and the tables it rests on.

    `experiments`: what those with solvers found.
    """
    published = study.published(scores)
    return [
        *([_published(published)] if len(published) else []),
        Section(
            "Conclusions", [Findings([*conclusions(scores, differences, states, validation), *experiments])]
        ),
        Section("Scores", _of_many(scores) if too_many(scores.site) else _one_by_one(scores)),
        Section("Gains", [Text(GAINS), *_by_place(gains(differences))]),
        *([Section("States", [Text(STATES), *_by_place(states_cells(states))])] if len(states) else []),
        Section("Validation", [_validation(validation)]),
    ]


def _published(published: pd.DataFrame) -> Section:
    caption = "RMSE in W m⁻². Ours are scores of the ensembles."
    table = Table.of(published, "LE on the test periods", caption)
    return Section("Published and reproduced", [table, Text(study.PUBLISHED_H)])


def _one_by_one(scores: pd.DataFrame) -> list[Text | Table]:
    return [Text(SCORES), *_scores(scores), _seeds(scores)]


def _of_many(scores: pd.DataFrame) -> list[Text | Table]:
    """A table for each target."""
    tables = []
    for target in scores.target.unique():
        heading, *lines = over_sites(scores, target)
        tables.append(Table.of(pd.DataFrame(lines, columns=heading), f"{target}, medians over sites"))
    return [Text(OVER_SITES), *tables]


def _scores(scores: pd.DataFrame) -> Iterable[Table]:
    """A table for each site and target."""
    for (site, target), rows in scores.groupby(["site", "target"], sort=False):
        together = whole(rows).set_index("model")
        seeds = single_seeds(rows).groupby("model").size()
        lines = [
            [label(m), str(seeds.get(m, "")), *_formatted(together.loc[m])] for m in ordered(list(rows.model))
        ]
        frame = pd.DataFrame(lines, columns=["model", "seeds", *(heading for heading, _ in SHOWN.values())])
        first = rows.iloc[0]
        caption = f"Test {first.period.replace(':', ' to ')}; {first.n_not_known} half-hours may be filled (no flag)."
        yield Table.of(frame, f"{site}, {target}", caption)


def _seeds(scores: pd.DataFrame) -> Table:
    """All seeds of all models."""
    rows = scores[scores.seed != ""]
    lines = [[label(r.model), r.seed, r.site, r.target, *_formatted(r)] for _, r in rows.iterrows()]
    columns = ["model", "seed", "site", "flux", *(heading for heading, _ in SHOWN.values())]
    return Table.of(pd.DataFrame(lines, columns=columns), "Scores by seed")


def _formatted(row: pd.Series) -> list[str]:
    return [form.format(row[name]) if pd.notna(row[name]) else "" for name, (_, form) in SHOWN.items()]


def _by_place(frame: pd.DataFrame) -> Iterator[Table]:
    """A table for each site and flux, of whose rows the first column tells what they are about; one of many sites."""
    if too_many(frame.site):
        yield Table.of(frame, "All sites")
        return
    for (site, flux), rows in frame.groupby(["site", "flux"], sort=False):
        yield Table.of(rows.drop(columns=["site", "flux"]), f"{site}, {flux}")


def _validation(validation: pd.DataFrame) -> Table:
    """Lowest losses, a column for each site; of many sites a row."""
    table = validation.pivot(index="model", columns="site", values="mean")[validation.site.unique()]
    table = (
        table.assign(mean=mean_over_sites(validation)).sort_values("mean").map("{:.4f}".format).reset_index()
    )
    caption = (
        "Lowest loss of a free run on the validation periods, mean over seeds. Models may be chosen by it."
    )
    table = table.assign(model=table.model.map(label))
    if too_many(validation.site):
        table = table.set_index("model").rename_axis(None).T.rename_axis("site").reset_index()
    return Table.of(table, "Validation losses", caption)


def shown(paths: Iterable[str | Path], of: str = "") -> list[Table | Picture | Folded | Group]:
    """Files as parts of a section, in the order of their titles; `of`, if any, stands before each of these."""
    return [_part(Path(path), of) for path in sorted(paths, key=place)]


def _part(path: Path, of: str) -> Table | Picture | Folded | Group:
    """CSV a table, PNG a figure, Markdown text and tables, JSON text; raises InputError for others."""
    name, caption = title(path)
    name = f"{of}: {name}" if of else name
    if path.suffix == ".csv":
        return Table.of(readable(read_csv(path)), name, caption)
    if path.suffix == ".png":
        return picture(path, name, caption)
    if path.suffix == ".json":
        return Folded.record(name, read_json(path))
    if path.suffix == ".md":
        return Group(name, parts(path.read_text(encoding="utf-8")))
    raise InputError(f"{path}: expected a table (CSV), an image (PNG), a text (MD) or a record (JSON)")


def origin_section(origin: Mapping[str, Any], citations: str, settings: Any) -> Section:
    """What the page and its numbers were made from, and what to cite."""
    code = {
        "lad": origin["code"]["lad"],
        "git revision": origin["code"]["git"],
        "SHA-256": origin["code"]["sha256"],
    }
    parts = code | {"Python": origin["python"]} | origin["packages"]
    versions = pd.DataFrame(list(parts.items()), columns=["part", "version"])
    files = [[role, file["name"], file["sha256"]] for role, file in origin["inputs"].items()]
    return Section(
        "Provenance",
        [
            Text("To cite for the data:"),
            Text(citations, lines=True),
            Folded.record("Settings of models and fits", settings),
            Table.of(versions, "Versions", "Of the code that made this page; those of each step are above."),
            Table.of(pd.DataFrame(files, columns=["role", "file", "SHA-256"]), "Files"),
        ],
    )
