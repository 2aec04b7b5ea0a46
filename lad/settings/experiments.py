"""Settings of the experiments of a study: solvers, years left out, one network for several sites."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from lad.settings._section import DISTINCT, Choice, Count, List, Refused, Section, Some, text
from lad.settings.learning import OF_TABLE, Attribute, Descent, Own, Solver

# Of a study or model: a rule and a folder.
Name = text("[a-z][a-z0-9_]*", "lower-case letters, digits and _, beginning with a letter")
SiteId = text("[A-Z]{2}-[A-Za-z0-9]{3}", "a site, such as US-Wkg")
Quantity = Literal["rs", "Wmax", "z0", "kB", "Wc", "alb0", "C_factor", "lam_factor"]


class Solvers(Section):
    """Work–precision diagram of the solvers."""

    sites: Choice[SiteId] = ()
    """sites whose studies include the work–precision diagram of the solvers"""
    days: Count = 120
    """days from the start of the record that it covers"""


class Daemons(Section):
    """Numerical daemons: one model, trained through each of several solvers and run with each."""

    sites: Choice[SiteId] = ()
    """sites whose studies include the [numerical daemons](evaluation.md#numerical-daemons)"""
    model: Name = "mlp"
    """model that is trained through each solver, with its settings and `seeds`"""
    integrators: Annotated[List[Solver], Field(min_length=2), *DISTINCT] = (
        "explicit-1",
        "split-1",
        "euler-1",
        "fast-1",
    )
    """two solvers or more, named as `simulation.integrator`"""


class Landscape(Section):
    """The loss along calibrated parameters, by solver."""

    sites: Choice[SiteId] = ()
    """sites whose studies include the [loss along parameters](evaluation.md#numerical-daemons)"""
    along: Annotated[Some[Quantity], *DISTINCT] = ("rs", "Wmax")
    """calibrated parameters along which the loss is drawn"""


class Fold(Section):
    """Years of a site that a model is trained on, and others that it is judged by."""

    train: Annotated[List[int], Field(min_length=2, max_length=2)]
    judge: Annotated[List[int], Field(min_length=2, max_length=2)]

    @model_validator(mode="after")
    def _check_years(self) -> Self:
        for name in ("train", "judge"):
            first, last = getattr(self, name)
            if last < first:
                raise Refused([name], f"{first} to {last}: the last year is before the first")
        if self.judge[0] <= self.train[1] and self.train[0] <= self.judge[1]:
            raise ValueError("years of judge are among those of train, expected others")
        return self


class FineTuning(Section):
    """Further training of the network for several sites at single sites."""

    sites: dict[SiteId, Some[Count]] = Field(default_factory=dict)
    """[fine-tuning](multi_site.md#fine-tuning) at this site: a list of numbers of years, `[1, 4]` for one training with
    the last year of its `train` and one with the last four"""
    training: Own = Descent()
    """settings of `training` for fine-tuning alone"""


class MultiSite(Section):
    """One network trained on all sites of a study, without each of them, and without each IGBP class."""

    studies: Choice[Name] = ()
    """studies of two or more sites on which [one network](multi_site.md) is trained; needs `modelled` radiation"""
    model: Name = "residual"
    """one of `models`; shown beside it is the same model trained at each site alone"""
    attributes: Choice[Attribute] = OF_TABLE
    """constant properties of a site that the network sees"""
    mapping: bool = False
    """whether a [linear map of the attributes](multi_site.md#what-is-shared) also moves the physical parameters of a
    site away from the table's"""
    seeds: Count = 3
    """networks with different initial weights"""
    training: Own = Descent()
    """settings of `training` for this network alone; `batch` counts windows of each site"""
    fine_tuning: FineTuning = FineTuning()

    @model_validator(mode="after")
    def _check_mapping(self) -> Self:
        if self.mapping and not self.attributes:
            raise Refused(
                ["mapping"], "expected multi_site.attributes that the physical parameters are mapped from"
            )
        return self
