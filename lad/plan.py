"""What sites, studies, folds and reports consist of: names, files and settings that the workflow's rules ask for."""

import functools
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lad.errors import InputError
from lad.evaluation.models import DRAWN_BASELINES, FINE_TUNED, SEEDED_BASELINES, too_many
from lad.periods import as_option, trained_in

# Steps of a multi-site network, which the tables can do without; and of its fine-tuning, without which the network is
# still shown.
TRAINING_STEPS = ("train_multi_site", "apply", "evaluate_multi_site")
FINE_TUNING_STEPS = ("fine_tune", "fine_tuning")
NETWORK_STEPS = (*TRAINING_STEPS, *FINE_TUNING_STEPS)
RECORDS = ("fetch/source", "periods/periods", "calibrate/parameters", "evaluate/scores")


@dataclass(frozen=True)
class Plan:
    """The plan that follows from checked settings.

    `tables` are tables of sites (cells by site and column); later ones take precedence. `failed` has what an earlier
    run could not make, from `failures`. Raises InputError if a study is to train one network and the IGBP class of a
    site is not known.
    """

    settings: Mapping[str, Any]
    tables: Sequence[Mapping[str, Mapping[str, str]]] = ()
    failed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self):
        for study in self.studies:
            if self.trains_network(study):
                self.folds(study)

    @functools.cached_property
    def studies(self) -> dict[str, list[str]]:
        """Every study and its sites; each site is a study of its own too."""
        return {site: [site] for site in self.settings["sites"]} | self.settings["studies"]

    @functools.cached_property
    def members(self) -> dict[str, list[str]]:
        """Every study and those of its sites that have the results for its tables."""
        return {
            study: self.having("periods", self.having("evaluate", sites))
            for study, sites in self.studies.items()
        }

    def having(self, step: str, sites: Sequence[str]) -> list[str]:
        """Those of `sites` at which a step is made and did not fail."""
        own = self.settings.get(step, {})
        chosen = own["sites"] if "sites" in own else sites
        return [
            site
            for site in sites
            if site in chosen and step not in self.failed.get(site, {}).get("steps", ())
        ]

    def gathered(self, study: str) -> list[str]:
        """Sites of a study's table; raises InputError if there is none, as in a folder without archives."""
        if not self.members[study]:
            raise InputError(
                f"studies.{study}: no archive of a tower in the folder {self.settings['archives']}, put them there"
                " or name another, --config archives=FOLDER"
            )
        return self.members[study]

    # Of a site: what the tables say of it, and its periods

    def row(self, site: str) -> dict[str, str]:
        """What the tables say of a site: cells by column."""
        return {name: cell for table in self.tables for name, cell in table.get(site, {}).items()}

    def igbp(self, site: str) -> str | None:
        """IGBP class of a site, if settings or tables have it."""
        metadata = self.settings["sites"][site].get("metadata", {})
        return metadata.get("igbp") or self.row(site).get("igbp")

    def proposes_periods(self, site: str) -> bool:
        """Whether the settings have no periods of the site, so that they follow from its record."""
        return "test" not in self.settings["sites"][site]

    def period_options(self, site: str, names: Iterable[str], test: str = "test") -> str:
        """Options with the periods `names`, or the file of the proposed ones; InputError if there is no `test`."""
        own = self.settings["sites"][site]
        if test not in {"test", *own}:
            raise InputError(f"{site}: expected sites.{site}.{test} in the settings")
        if self.proposes_periods(site):
            return f"--periods results/{site}/periods/periods.json"
        return " ".join(f"--{name} {as_option(own[test if name == 'test' else name])}" for name in names)

    def with_confirmation(self) -> list[str]:
        """Sites with confirmation periods; raises InputError if there is none."""
        if sites := [site for site, own in self.settings["sites"].items() if "confirmation" in own]:
            return sites
        raise InputError("confirmation: expected sites.SITE.confirmation in the settings")

    # Of a site: label → file

    def trained_models(self, site: str) -> dict[str, str]:
        """Every trained model, `model/seed`."""
        return self._of_seeds(
            {name: f"results/{site}/train/{name}" for name in self.settings["models"]}, "eqx"
        )

    def simulations(self, site: str) -> dict[str, str]:
        """Every simulation: `bulk`, the calibrated LaD, and `model/seed`."""
        folders = {name: f"results/{site}/simulate/{name}" for name in self.settings["models"]}
        return {"bulk": f"results/{site}/simulate/bulk.nc"} | self._of_seeds(folders, "nc")

    def baselines(self, site: str) -> dict[str, str]:
        """Every baseline: `name`, or `name/seed` for those that start from random weights."""
        files = {}
        for name in self.settings["baselines"]:
            stem = f"results/{site}/baselines/{name}"
            files |= self._of_seeds({name: stem}, "nc") if name in SEEDED_BASELINES else {name: f"{stem}.nc"}
        return files

    def drawn(self, site: str) -> dict[str, str]:
        """What the figures show: every simulation, and one baseline."""
        shown = next((name for name in DRAWN_BASELINES if name in self.settings["baselines"]), "")
        return self.of_models(self.baselines(site), shown) | self.simulations(site)

    @staticmethod
    def of_models(files: Mapping[str, str], *models: str) -> dict[str, str]:
        """Those of `files`, by label, that are of `models`."""
        return {label: file for label, file in files.items() if label.partition("/")[0] in models}

    def members_of(self, site: str, ensemble: str) -> dict[str, str]:
        """The simulations of which an ensemble is the mean."""
        return self.of_models(self.simulations(site), *self.settings["ensembles"][ensemble])

    def scored(self, site: str) -> dict[str, str]:
        """All that is scored."""
        means = {name: f"results/{site}/combine/{name}.nc" for name in self.settings["ensembles"]}
        return self.baselines(site) | self.simulations(site) | means

    def trained_through(self, site: str) -> dict[str, str]:
        """Networks of the numerical daemons, `integrator/seed`; for the common solver the study's own model."""
        own, common = self.settings["daemons"], self.settings["simulation"]["integrator"]
        of_steps = self.training_settings(own["model"]).get("integrator") or common
        folders = {name: f"results/{site}/daemons/{name}" for name in own["integrators"]}
        if of_steps == common in folders:
            folders[common] = f"results/{site}/train/{own['model']}"
        return self._of_seeds(folders, "eqx")

    def _of_seeds(self, folders: Mapping[str, str], ending: str) -> dict[str, str]:
        return {
            f"{name}/{seed}": f"{folder}/seed{seed}.{ending}"
            for name, folder in folders.items()
            for seed in range(self.settings["seeds"])
        }

    # Of a model

    def model_settings(self, model: str) -> dict[str, Any]:
        """What a model is: its settings without those of its training."""
        return {name: value for name, value in self.settings["models"][model].items() if name != "training"}

    def training_settings(self, model: str) -> dict[str, Any]:
        """How a model is trained: the common settings, and its own."""
        return self.settings["training"] | self.settings["models"][model].get("training", {})

    def law_module(self, model: str) -> list[str]:
        """The module, or the whole package, of a user's own flux law in the current folder.

        A change in it repeats the training.
        """
        name, colon, _ = self.settings["models"][model]["law"].partition(":")
        package = Path(name.partition(".")[0])
        files = [package.with_suffix(".py"), *sorted(package.rglob("*.py"))] if colon else []
        return [str(file) for file in files if file.is_file()]

    def knock_outs(self) -> dict[str, str]:
        """Models whose network sees less than all states → the model that is otherwise the same."""
        models = self.settings["models"]
        return {
            blind: name
            for blind, own in models.items()
            if own.get("states", True) is not True
            for name, other in models.items()
            if other == own | {"states": True}
        }

    def all_models(self) -> dict[str, dict[str, Any]]:
        """What every model is, and how it is trained."""
        return {
            name: {"model": self.model_settings(name), "training": self.training_settings(name)}
            for name in self.settings["models"]
        }

    # Of whole years left out

    def left_out(self, site: str) -> dict[str, str]:
        """Fold, named by the years judged, and file of its scores."""
        return {fold: f"results/{site}/years/{fold}.csv" for fold in self._folds_of_years(site)}

    def fold_options(self, site: str, fold: str) -> str:
        """Options with the periods of a fold; raises InputError for one that the settings do not have."""
        folds = self._folds_of_years(site)
        if fold not in folds:
            expected = ", ".join(folds) or f"years.{site} in the settings"
            raise InputError(f"results/{site}/years/{fold}.csv: expected {expected}")
        first, last = folds[fold]["judge"]
        blocks = self.settings["sites"][site]["validation"]
        return trained_in(blocks, *folds[fold]["train"], f"{first}-01-01:{last}-12-31")

    def _folds_of_years(self, site: str) -> dict[str, dict[str, list[int]]]:
        return {"-".join(map(str, own["judge"])): own for own in self.settings["years"].get(site, ())}

    # Of a study

    def histories(self, study: str) -> dict[str, str]:
        """Label `site/model` and file of the course of every training."""
        return {
            f"{site}/{model}": f"results/{site}/train/{model}/history.csv"
            for site in self.members[study]
            for model in self.settings["models"]
        }

    def detailed(self, study: str) -> list[str]:
        """Sites that the report of a study shows itself: all, or none if they are many, with pages of their own."""
        return [] if too_many(self.members[study]) else self.members[study]

    def pages(self, study: str) -> dict[str, str]:
        """Site and page of those that the report of a study only links to."""
        shown_here = self.detailed(study)
        return {site: f"results/{site}/report.html" for site in self.members[study] if site not in shown_here}

    def reported_simulations(self, study: str) -> dict[str, str]:
        """Label and file of all that a report draws in time: `site/bulk` and `site/model/seed`."""
        return {
            f"{site}/{name}": file for site in self.detailed(study) for name, file in self.drawn(site).items()
        }

    def reported_files(self, study: str, marked: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Section, `study` or a site, and file of what a report shows beside the scores.

        `marked` are step and pattern (with {site} or {study}) of the tables and figures that rules mark with
        `report()`; the records of each site follow.
        """
        members, files = self.detailed(study), []
        for step, pattern in marked:
            wildcards = set(re.findall(r"{(\w+)}", pattern))
            if wildcards == {"site"}:
                files += [(site, pattern.format(site=site)) for site in self.having(step, members)]
            elif wildcards == {"study"} and self.shows(step, study):
                files.append(("study", pattern.format(study=study)))
        drawn_anew = (f"results/{study}/scores.csv", "/figures/timeseries.png")  # by the page itself
        files = [(section, path) for section, path in files if not path.endswith(drawn_anew)]
        return files + [(site, f"results/{site}/{name}.json") for site in members for name in RECORDS]

    def missing(self, study: str) -> list[str]:
        """Sites that the tables of a study lack."""
        return [site for site in self.studies[study] if site not in self.members[study]]

    def shows(self, step: str, study: str) -> bool:
        """Whether the page of a study shows what a step makes for it."""
        made = {"evaluate_multi_site": self.trains_network, "fine_tuning": self.fine_tuned}
        made["towers"] = lambda study: too_many(self.members[study])
        return bool(made[step](study)) if step in made else True

    # Of the one network of a study

    def trains_network(self, study: str) -> bool:
        """Whether one network is trained on the study's sites: not on those that are left when one failed."""
        complete = self.members[study] == self.studies[study] and not self._failed(study, TRAINING_STEPS)
        return study in self.settings["multi_site"]["studies"] and complete

    def _failed(self, study: str, steps: Collection[str]) -> bool:
        """Whether one of the `steps` has no result because something failed."""
        return not set(steps).isdisjoint(self.failed.get(study, {}).get("steps", ()))

    def folds(self, study: str) -> dict[str, list[str]]:
        """Name → sites of each training of one network: `all`, then what is left out, a site or a class of several.

        Leave-one-site-out and leave-one-type-out. Raises InputError for a site of a class that no table has.
        """
        members = self.members[study]
        classes = {site: self.igbp(site) for site in members}
        unknown = [site for site in members if classes[site] is None]
        if unknown:
            raise InputError(
                f"multi_site.studies: {study}: the IGBP class of {', '.join(unknown)} is not known before the"
                f" archive is read, expected sites.{unknown[0]}.metadata.igbp or a column igbp of sites_table"
            )
        folds = {"all": members} | {left: [site for site in members if site != left] for left in members}
        for left in dict.fromkeys(classes.values()):
            others = [site for site in members if classes[site] != left]
            if 0 < len(others) < len(members) - 1:
                folds[left] = others
        return folds

    def trained_on(self, study: str, fold: str) -> list[str]:
        """Sites of one training of one network; raises InputError for a name that is no fold's."""
        folds = self.folds(study)
        if fold not in folds:
            raise InputError(f"results/{study}/train_multi_site/{fold}: expected one of {', '.join(folds)}")
        return folds[fold]

    def networks(self, study: str) -> dict[str, str]:
        """Label `fold/seed` and file of every network that is trained on sites of a study together."""
        return {
            f"{fold}/{seed}": f"results/{study}/train_multi_site/{fold}/seed{seed}.eqx"
            for fold in self.folds(study)
            for seed in range(self.settings["multi_site"]["seeds"])
        }

    def fine_tuned(self, study: str) -> dict[str, str]:
        """Label `site/years` and file of the scores of each network fine-tuned from that of a study."""
        return {
            f"{site}/{years}": f"results/{study}/fine_tuning/{site}/{years}.csv"
            for site, numbers in self.settings["multi_site"]["fine_tuning"]["sites"].items()
            if self.trains_network(study) and not self._failed(study, FINE_TUNING_STEPS)
            for years in numbers
            if site in self.members[study]
        }

    def last_years(self, site: str, years: int) -> str:
        """Options with the last `years` of a site's training, at most four validation blocks a year, and its test.

        Raises InputError for years that the settings do not have.
        """
        numbers = self.settings["multi_site"]["fine_tuning"]["sites"].get(site, [])
        if years not in numbers:
            expected = f"one of {', '.join(map(str, numbers))}" if numbers else "a site of the settings"
            raise InputError(
                f"multi_site.fine_tuning.sites: {site} does not have {years}, expected {expected}"
            )
        own = self.settings["sites"][site]
        blocks = sorted(own["validation"], key=lambda block: block[0][5:])  # by season
        blocks = blocks[:: -(-len(blocks) // (4 * years))]
        last = max(int(day[:4]) for days in own["train"] for day in days)
        return trained_in(blocks, last - years + 1, last, as_option(own["test"]))

    def fine_tuning_models(self) -> dict[str, Any]:
        """Settings of the network of a site alone, and of the one fine-tuned from that for several."""
        several = self.settings["multi_site"]
        name, training = several["model"], self.training_settings(several["model"])
        alone = {"model": self.model_settings(name), "training": training}
        tuned = {"model": alone["model"] | {"attributes": several["attributes"]}}
        return {name: alone, FINE_TUNED: tuned | {"training": training | several["fine_tuning"]["training"]}}
