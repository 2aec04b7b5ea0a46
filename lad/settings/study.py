"""The settings of the study, config.yaml, checked before anything runs."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from lad.cli import STEPS
from lad.evaluation.models import BASELINES, FINE_TUNED
from lad.periods import NAMES, Period, check_unseen
from lad.settings._section import DISTINCT, Choice, Count, List, Refused, Section, Some, nearest, shape, text
from lad.settings.experiments import Daemons, Fold, Landscape, MultiSite, Name, SiteId, Solvers
from lad.settings.files import check_left_out, place
from lad.settings.learning import Calibration, Descent, Solver, TrainedModel
from lad.towers.archives import sites_of
from lad.towers.sites import IGBP

# Names of rules that are no steps, and of commands of `./run`.
RESERVED_STUDIES = {
    *(step.replace("-", "_") for step in STEPS),
    "simulate_bulk",
    "train_through",
    "train_multi_site",
    "fine_tune",
    "baselines_of_seeds",
    "left_out",
    "confirm",
    "confirmation_table",
    "confirmation",
    "setup",
    "test",
}
RESERVED_MODELS = {*BASELINES, "bulk", FINE_TUNED}  # scored beside the trained models
FEWEST_TEST_DAYS = 7  # a week: one block of the bootstrap, which needs several


def _years(periods: Iterable[tuple[date, date]]) -> set[int]:
    """Calendar years with days of the periods."""
    return {year for first, last in periods for year in range(first.year, last.year + 1)}


def _ordered(days: tuple[date, date]) -> tuple[date, date]:
    if days[1] < days[0]:
        raise ValueError(f"{days[0]} to {days[1]}: the last day is before the first")
    return days


Url = text("https?://.*", "an address that begins with http:// or https://")
Days = Annotated[List[date], Field(min_length=2, max_length=2), AfterValidator(_ordered)]
Members = Annotated[
    Annotated[Literal["all"], Tag("word")] | Annotated[Some[SiteId], *DISTINCT, Tag("list")],
    Discriminator(shape),
]


class Fetch(Section):
    """Services that archives are downloaded from."""

    ameriflux: Url = "https://amfcdn.lbl.gov/"
    """address of a [download service](towers.md#download); changing it reruns nothing"""
    plumber2: Url = "https://thredds.nci.org.au/thredds/"
    """address of a [download service](towers.md#download); changing it reruns nothing"""
    user: Annotated[str, Field(min_length=1)] = "fluxnetshuttle"
    """user name for the open service of AmeriFlux; `AMERIFLUX_USER_ID` and `AMERIFLUX_USER_EMAIL` in the environment
    set an account"""
    snapshot: str | None = None
    """CSV list of the FLUXNET shuttle, for towers of ICOS, TERN and others"""
    notify: bool = False
    """`true` lets AmeriFlux [count](towers.md#download) downloads from its open service"""


class Metadata(Section):
    """Values that replace those of the tables of sites and of the archives."""

    name: str | None = None
    igbp: Literal[*IGBP] | None = None
    latitude: float | None = None
    longitude: float | None = None
    elevation: float | None = None
    utc_offset_hours: float | None = None
    canopy_height: float | None = None
    measurement_height: float | None = None
    cover: int | None = None
    soil: int | None = None


class Site(Section):
    """A tower: its periods, all three kinds or none, and what its archives do not state."""

    train: Some[Days] | None = None
    """training periods: lists of `["first day", "last day"]`, both included, local standard time"""
    validation: Some[Days] | None = None
    """half-hours that decide when training stops, never part of its loss; may lie inside `train`"""
    test: Some[Days] | None = None
    """half-hours of the scores and figures, at least a week; must not overlap `train` or `validation`. Without the
    three keys [periods are proposed](towers.md#periods)"""
    confirmation: Some[Days] | None = None
    """days that are scored separately, by [`./run confirmation`](evaluation.md#confirmation), at least a week; must not
    overlap the other periods or a year of `years`"""
    metadata: Metadata | None = None
    """values that replace those of tables and archives: `{canopy_height: 3}`; the names are those of the table
    [below](#a-site-of-your-own)"""
    lai: str | None = None
    """CSV table of leaf area index, `date` and `lai`"""
    archive: Some[str] | None = None
    """file names (`*` and `?` allowed) of archives to use instead of those that [the rule](towers.md#archives) takes;
    each must exist"""

    @model_validator(mode="after")
    def _check_periods(self) -> Self:
        given = {name: getattr(self, name) for name in NAMES if getattr(self, name)}
        if len(given) not in (0, len(NAMES)):
            raise ValueError(f"has {' and '.join(given)}, expected all of {', '.join(NAMES)}, or none")
        if self.confirmation and not given:
            raise Refused(["confirmation"], f"needs {', '.join(NAMES)} too")
        if given:
            confirmed = {"confirmation": self.confirmation or ()}
            periods = {name: [Period(*days) for days in own] for name, own in (given | confirmed).items()}
            check_unseen(**periods)
            for name in ("test", "confirmation"):
                days = {
                    first + timedelta(n)
                    for first, last in periods[name]
                    for n in range((last - first).days + 1)
                }
                if periods[name] and len(days) < FEWEST_TEST_DAYS:
                    raise ValueError(f"{len(days)} days of {name}, expected at least {FEWEST_TEST_DAYS}")
        return self


class Simulation(Section):
    """How models are run, in calibration, training and simulation alike."""

    radiation: Literal["modelled", "prescribed"] = "modelled"
    """`modelled`: albedo and emission of the surface; `prescribed`: the tower's net radiation where it was measured"""
    integrator: Solver = "fast-1"
    """[solver](model.md): `explicit`, `split`, `euler` or `fast` with its steps in a half-hour or hour (1 to 64), such
    as `fast-1`; or `diffrax`, which chooses its own steps"""
    spinup_passes: Annotated[int, Field(ge=0)] = 3
    """runs through the record before the one that counts, to bring soil and water stores to their own climate"""


class Settings(Section):
    """Settings of the study."""

    note: str = ""
    """a sentence about the studies, which runs, reports and conclusions show first"""
    archives: str = "archives"
    """folder with tower archives, searched before `data/`; downloads go there"""
    fetch: Fetch = Fetch()
    sites_table: str | None = None
    """CSV table with sites of your own, [below](#a-site-of-your-own); its cells replace those of `lad/towers/sites.csv`
    for the same site"""
    sites: dict[SiteId, Site | None]
    """a tower; `null` leaves it out of all studies"""
    studies: dict[Name, Members]
    """sites of a study, or [`all`](#all-sites-of-a-folder): `./run {study}` makes it, `results/{study}/` holds its
    table. Lower case, not the name of a step, `test` or `setup`"""
    models: Annotated[dict[Name, TrainedModel | None], Field(min_length=1)]
    """a trained model; tables and figures call it by this name. Lower case, not `bulk` and not a baseline; `null`
    leaves out one of `config.yaml`"""
    ensembles: dict[Name, Annotated[Some[Name], Field(min_length=2), *DISTINCT] | None] = Field(
        default_factory=dict
    )
    """[weighted mean](evaluation.md#ensembles) of two or more of `models`, shown beside them under this name; `null`
    leaves out one of `config.yaml`"""
    seeds: Count = 5
    """networks trained for each model and for the baselines `ann` and `lstm`, from different initial weights"""
    baselines: Choice[Literal[BASELINES]] = BASELINES
    """[baselines](evaluation.md#baselines) of the study"""
    calibration: Calibration = Calibration()
    training: Descent = Descent()
    simulation: Simulation = Simulation()
    solvers: Solvers = Solvers()
    daemons: Daemons = Daemons()
    landscape: Landscape = Landscape()
    multi_site: MultiSite = MultiSite()
    years: dict[SiteId, Some[Fold] | None] = Field(default_factory=dict)
    """folds of [whole years left out](evaluation.md#years-left-out), `./run years`: first and last year of `train` and
    of `judge`, none of them of the site's test or confirmation; `null` leaves out a site"""

    @model_validator(mode="after")
    def _check(self) -> Self:
        """Check each part against the others, and find the towers of the folder.

        Each tower with an archive in the folder `archives` is a site (without settings if `sites` has none), and a
        study that is `all` becomes the list of these towers.
        """
        without = [site for site, own in self.sites.items() if own is None]
        for site in without:
            self._leave_out(site)
        found = [site for site in sites_of([self.archives]) if site not in without]
        self.sites.update({site: Site() for site in found if site not in self.sites})
        self.studies.update({study: tuple(found) for study, sites in self.studies.items() if sites == "all"})
        if "demo" not in self.studies:
            raise Refused(["studies"], "expected a key demo, the study that ./run makes without a target")
        for study, sites in self.studies.items():
            if study in RESERVED_STUDIES:
                raise Refused(["studies", study], "is the name of a step or command, expected another name")
            for site in sites:
                if site not in self.sites:
                    raise Refused(
                        ["studies", study], f"expected a key sites.{site}{nearest(site, self.sites)}"
                    )
        for site, own in self.sites.items():
            if own.lai and not Path(own.lai).is_file():
                raise Refused(["sites", site, "lai"], f"{own.lai}: no such file, expected a CSV table")
        left_out = [name for name, own in self.models.items() if own is None]
        for name in left_out:
            del self.models[name]
        for name, members in [*self.ensembles.items()]:  # of the members left, if they are several
            self.ensembles[name] = tuple(member for member in members or () if member not in left_out)
            if len(self.ensembles[name]) < 2:
                del self.ensembles[name]
        for name in self.models:
            if name in RESERVED_MODELS:
                raise Refused(["models", name], "is reserved for the comparison, expected another name")
        for name, members in self.ensembles.items():
            if name in {*RESERVED_MODELS, *self.models}:
                raise Refused(["ensembles", name], "is the name of a model, expected another name")
            for member in members:
                if member not in self.models:
                    raise Refused(
                        ["ensembles", name], f"{member}: expected one of models{nearest(member, self.models)}"
                    )
        for site in [site for site, folds in self.years.items() if folds is None]:
            del self.years[site]
        for site, folds in self.years.items():
            own = self.sites.get(site)
            if not (own and own.test):
                raise Refused(["years", site], "expected a site with periods in the settings")
            unseen = _years((*own.test, *(own.confirmation or ())))
            judged = [fold.judge for fold in folds]
            for number, fold in enumerate(folds):
                if fold.judge in judged[:number]:
                    raise Refused(
                        ["years", site, number, "judge"], "is that of another fold, expected other years"
                    )
                for first, last in (fold.train, fold.judge):
                    if any(first <= year <= last for year in unseen):
                        raise Refused(
                            ["years", site, number],
                            f"{first} to {last}: has years of the site's test period or confirmation",
                        )
        for part in ("solvers", "daemons", "landscape"):
            for site in getattr(self, part).sites:
                if site not in {*self.sites, *without}:
                    raise Refused([part, "sites"], f"{site}: expected one of {', '.join(self.sites)}")
        for study in self.multi_site.studies:
            sites = self.studies.get(study, ())
            if len(sites) < 2:
                if study not in self.studies:
                    raise Refused(["multi_site", "studies"], f"{study}: expected one of studies")
                has = f"has {' '.join(sites) or 'no site'}, expected two or more"
                if not sites:
                    has += f" (the archives are in the folder {self.archives}; --config archives=FOLDER names another)"
                raise Refused(["multi_site", "studies"], f"{study}: {has}")
        for site, numbers in self.multi_site.fine_tuning.sites.items():
            self._check_last_years(site, max(numbers))
        network = self.models.get(self.multi_site.model)
        for key in ("root_zone", "ground_water"):
            if self.multi_site.studies and network and getattr(network, key) not in (None, "climate"):
                raise Refused(
                    ["models", self.multi_site.model, key],
                    "the network for several sites begins at table values, expected"
                    f" {'climate or none' if key == 'root_zone' else f'no {key}'} for multi_site.model",
                )
        if self.multi_site.studies and self.simulation.radiation != "modelled":
            one = "one network for several sites needs modelled radiation, expected multi_site.studies: [] or modelled"
            raise Refused(["simulation", "radiation"], f"{self.simulation.radiation}: {one}")
        for part, used in (("daemons", self.daemons.sites), ("multi_site", self.multi_site.studies)):
            name = getattr(self, part).model
            if used and not (name in self.models and self.models[name].has_network):
                key = {"daemons": "sites", "multi_site": "studies"}[part]
                raise Refused(
                    [part, "model"], f"{name}: expected one of models, with a network, or {part}.{key}: []"
                )
        return self

    def _leave_out(self, site: str) -> None:
        """Remove a site from everything that names it."""
        for sites in (self.sites, self.years, self.multi_site.fine_tuning.sites):
            sites.pop(site, None)
        for study, sites in self.studies.items():
            if sites != "all":
                self.studies[study] = tuple(other for other in sites if other != site)

    def _check_last_years(self, site: str, number: int) -> None:
        """Raise Refused if the site does not train in its last `number` years, or they overlap test or confirmation."""
        keys, own = ["multi_site", "fine_tuning", "sites", site], self.sites.get(site)
        if not (own and own.train):
            raise Refused(keys, "expected a site with periods in the settings")
        trained, unseen = _years(own.train), _years((*own.test, *(own.confirmation or ())))
        years = range(max(trained) - number + 1, max(trained) + 1)
        if not trained.issuperset(years) or unseen.intersection(years):
            raise Refused(keys, f"{number}: expected years of its train alone, has {years[0]} to {years[-1]}")


def checked(config: Mapping[str, Any], sources: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The settings as plain values, with all defaults; raises InputError naming the key if they cannot make a study.

    `sources` are the texts (YAML) that the settings were merged from, in this order, by the name of the file or
    option: the error begins with file and line of the last that has the key.
    """
    settings = Settings.parse_plain(config, lambda keys: place(keys, sources or {})).to_dict()
    check_left_out(config, sources or {})
    return settings
