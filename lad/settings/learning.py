"""Settings that training and calibration get: how to descend, and what the model is."""

from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, PlainSerializer, Tag, model_validator

from lad.constants import ANTECEDENT_DAYS, ANTECEDENTS
from lad.settings._section import Choice, Count, Positive, Refused, Section, Some, shape, text

# As in lad.fluxes, which takes a second to import.
PHYSICAL_LAWS = ("bulk", "leaf")
LAWS = (*PHYSICAL_LAWS, "mlp", "mlp_downgradient", "conductance", "parameters", "residual")
STATES = ("soil", "root", "snow")
Law = text(rf"{'|'.join(LAWS)}|[\w.]+:\w+", f"one of {', '.join(LAWS)}, or module:Class")
States = Annotated[
    Annotated[bool, Tag("word")] | Annotated[Choice[Literal[STATES]], Tag("list")], Discriminator(shape)
]
Antecedents = Annotated[
    Annotated[bool, Tag("word")] | Annotated[Choice[Literal[tuple(ANTECEDENT_DAYS)]], Tag("list")],
    Discriminator(shape),
]
Solver = text(
    "(explicit|split|euler|fast)-([1-9]|[1-5][0-9]|6[0-4])|diffrax",
    "explicit, split, euler or fast with its steps (1 to 64), such as fast-1, or diffrax",
)
OF_TABLE = ("rs", "z0", "albedo", "Wmax", "C", "lam", "sensors", "canopy")
Attribute = Literal[*OF_TABLE, "LAI", "air", "season", "aridity", "capacity"]


class Search(Section):
    """What calibration and training have in common: windows, steps, loss."""

    steps: Count = 300
    """gradient steps, at most"""
    batch: Count = 16
    """windows in a step at their last length; of shorter windows as many as make the same number of days"""
    window_days: Some[Positive] = (3.0, 10.0)
    """lengths of the windows in turn, each for an equal share of the free runs"""
    learning_rate: Positive = 0.01
    """peak learning rate, after warm-up and before cosine decay"""
    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    """pull of all trained values towards zero (AdamW): weights, and departures of the physical parameters from their
    initial values"""
    loss: Literal["variance", "sum"] = "variance"
    """`variance`: squared errors of LE and H, each divided by its variance; `sum`: their plain sum"""
    refresh: Count = 25
    """gradient steps between free runs over the training span, which renew the initial states of the windows"""
    gauss_newton: bool = False
    """whether the size of the root zone and other slow parameters take Gauss-Newton steps on the free runs, which cover
    their memory of months, instead of gradient steps on windows"""
    patience: Count = 4
    """free runs without a better validation loss before the descent stops"""
    integrator: Solver | None = None
    """[solver](model.md) of the [gradient steps](learning.md#solver-of-the-steps), in a calibration also of its free
    runs; all else uses `simulation.integrator`. `null`: everything does"""


class Descent(Search):
    """How a training descends."""

    pretraining: Annotated[int, Field(ge=0)] = 0
    """steps of a [regression](learning.md#pretraining) on measured fluxes, with states of free runs among its inputs,
    that give the first weights of a network"""


class Calibration(Search):
    """How LaD's own parameters are calibrated: by gradient, and by CMA-ES with at most as many model runs."""

    root_zone: Literal["mass_curve"] | None = None
    """`mass_curve`: the root zone holds at least what the [mass curve](learning.md#root-zone) asks for"""
    starts: Count = 8
    """starting points of the descents: the values of the cover and soil type, and random ones within bounds"""
    steps: Count = 100
    batch: Count = 8
    window_days: Some[Positive] = (10.0,)
    learning_rate: Positive = 0.1
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    refresh: Count = 20
    patience: Count = 3


Own = Annotated[Descent, PlainSerializer(lambda own: own.model_dump(mode="json", exclude_unset=True))]


class LawSettings(Section):
    """A flux law, and its network if it has one."""

    law: Law
    """[flux law](learning.md#flux-laws): `mlp`, `mlp_downgradient`, `conductance`, `parameters`, `residual`;
    without a network `bulk`, LaD's own, and `leaf`, the same with r_s/LAI; or `my_package:MyLaw`, your own class in
    a module that is installed or lies in the project's folder"""
    states: States | None = None
    """whether the network sees LaD's states: `true`, `false`, or a list of the parts it sees, `[soil, root, snow]`:
    temperatures, water of the root zone, snow. Required with a network, refused without one"""
    hidden: Some[Count] | None = None
    """widths of the hidden layers. Required with a network, refused without one"""
    antecedents: Antecedents | None = None
    """whether the network sees [antecedent weather](learning.md#antecedent-weather): `true`, or a list of the variables
    whose means it sees, `[Precip, SWdown, Tair, VPD]`. Only for a law with a network"""
    LAI: bool | None = None
    """whether the network sees the [leaf area index](learning.md#leaf-area) of the forcing, which must have it. Only
    for a law with a network"""
    root_zone: Literal["mass_curve", "climate"] | None = None
    """training begins with the root-zone capacity by the [mass curve](learning.md#root-zone) of the measured fluxes
    (`mass_curve`) or of the climate (`climate`), if it exceeds the one of the calibration, or of the table"""
    ground_water: Literal["rise", "inflow"] | None = None
    """`rise`: [ground water](learning.md#ground-water) rises to the root zone, with residence time and rise trained;
    `inflow`: it also gets a trained inflow of water that no gauge records, such as irrigation"""

    @property
    def has_network(self) -> bool:
        """Whether the law has a network; raises InputError if the class that `law` names does not exist."""
        if self.law in LAWS:
            return self.law not in PHYSICAL_LAWS
        from lad.fluxes import LearntFluxes, law_class

        return issubclass(law_class(self.law), LearntFluxes)

    @property
    def seen_states(self) -> tuple[str, ...]:
        """Parts of the state that the network sees, in the order of `STATES`."""
        return tuple(name for name in STATES if self.states is True or (self.states and name in self.states))

    @property
    def seen_antecedents(self) -> tuple[str, ...]:
        """Means of antecedent weather that the network sees, in the order of `ANTECEDENTS`; and LAI."""
        seen = ANTECEDENT_DAYS if self.antecedents is True else self.antecedents or ()
        return (*(name for name in ANTECEDENTS if name.partition("_")[0] in seen), *["LAI"] * bool(self.LAI))

    @model_validator(mode="after")
    def _check_network(self) -> Self:
        given = [
            name for name in ("states", "hidden", "antecedents", "LAI") if getattr(self, name) is not None
        ]
        if self.has_network and not {"states", "hidden"} <= {*given}:
            raise ValueError(f"law {self.law} has a network, expected the keys states and hidden")
        if given and not self.has_network:
            raise Refused(given[:1], f"law {self.law} has no network, expected no such key")
        return self


class ModelSettings(LawSettings):
    """A flux law with one network for several sites."""

    attributes: Choice[Attribute] = ()
    mapping: bool = False

    @model_validator(mode="after")
    def _check_attributes(self) -> Self:
        if self.attributes and not self.has_network:
            raise Refused(["attributes"], f"law {self.law} has no network to see them")
        if self.mapping and not self.attributes:
            raise Refused(["mapping"], "expected attributes that the physical parameters are mapped from")
        return self


class Trained(Section):
    """A model, and how it is trained."""

    model: ModelSettings
    training: Descent = Descent()


class Trainings(Section):
    """Models, and ensemble means of them."""

    models: dict[str, Trained]
    ensembles: dict[str, Some[str]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_members(self) -> Self:
        for name, members in self.ensembles.items():
            for member in members:
                if member not in self.models:
                    raise Refused(["ensembles", name], f"{member}: expected some of {', '.join(self.models)}")
        return self


class TrainedModel(LawSettings):
    """One of the trained models of a study."""

    training: Own = Descent()
    """settings of `training` for this model alone"""
