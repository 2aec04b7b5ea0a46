"""The settings: what is refused, and that the examples of the documentation are not."""

import re
import sys
import zipfile
from pathlib import Path
from typing import get_args

import jsonschema
import pytest
import yaml
from archives import CRT
from evaluation_site import lad
from pydantic import ValidationError

from lad import fluxes
from lad.constants import ANTECEDENTS
from lad.errors import InputError
from lad.fluxes import LEARNT_LAWS, PHYSICAL_LAWS, BulkFluxes, law_class
from lad.forcing import read_record
from lad.integrate.named import named
from lad.io import read_netcdf
from lad.observations import read_observed
from lad.parameters import COVER, SOIL, table_parameters
from lad.periods import mask, parse_periods
from lad.settings import Calibration, Descent, LawSettings, ModelSettings
from lad.settings import __main__ as reference
from lad.settings.experiments import Quantity
from lad.settings.learning import LAWS, STATES, Attribute
from lad.settings.study import checked
from lad.towers.sites import read_sites
from lad.training.data import learning_data
from lad.training.loss import WEIGHTINGS
from lad.training.sites import ATTRIBUTES
from lad.training.space import calibration_space

REFUSED = [  # settings, what is said about them
    ("trianing: {}", "trianing: no such key (did you mean training?), expected one of note, archives"),
    (
        "training: {stepz: 3}",
        "training.stepz: no such key (did you mean steps?), expected one of steps, batch",
    ),
    ("seeds: three", "seeds: 'three': expected a valid integer"),
    ("sites:", "sites: None: expected an object"),
    ("studies: {mine: [Wkg]}", "studies.mine.0: 'Wkg': expected a site, such as US-Wkg"),
    ("studies: {mine: [US-Tw3]}", "studies.mine: expected a key sites.US-Tw3"),
    ("studies: {mine: every}", "studies.mine: 'every': expected 'all'"),
    ("studies: {train: [US-CRT]}", "studies.train: is the name of a step"),
    ("studies: {test: [US-CRT]}", "studies.test: is the name of a step or command"),
    ("models: {bulk: {law: mlp, states: true, hidden: [8]}}", "models.bulk: is reserved for the comparison"),
    ("models: {gbt: {law: mlp, states: true, hidden: [8]}}", "models.gbt: is reserved for the comparison"),
    ("baselines: [1lin, forest]", "baselines.1: 'forest': expected 'mean', '1lin', "),
    ("baselines: [ann, ann]", "baselines: ann is there twice"),
    ("studies: {baselines_of_seeds: [US-CRT]}", "studies.baselines_of_seeds: is the name of a step"),
    (
        "models: {1lin: {law: mlp, states: true, hidden: [8]}}",
        "models.1lin: '1lin': expected lower-case letters",
    ),
    (
        "simulation: {integrator: original}",
        "simulation.integrator: 'original': expected explicit, split, euler or fast",
    ),
    ("simulation: {integrator: fast}", "simulation.integrator: 'fast': expected explicit"),
    ("simulation: {integrator: fast-65}", "simulation.integrator: 'fast-65': expected explicit"),
    ("simulation: {steps_per_interval: 2}", "simulation.steps_per_interval: no such key"),
    ("solvers: {sites: [US-Tw3]}", "solvers.sites: US-Tw3: expected one of US-CRT, US-Me2"),
    ("daemons: {sites: [US-Tw3]}", "daemons.sites: US-Tw3: expected one of US-CRT, US-Me2"),
    ("landscape: {sites: [US-Tw3]}", "landscape.sites: US-Tw3: expected one of US-CRT, US-Me2"),
    ("landscape: {along: [dz]}", "landscape.along.0: 'dz': expected 'rs', 'Wmax'"),
    ("daemons: {model: lstm}", "daemons.model: lstm: expected one of models, with a network"),
    ("daemons: {integrators: [fast-1]}", "daemons.integrators: ['fast-1']: expected at least 2 items, not 1"),
    ("daemons: {integrators: [fast-1, rk4]}", "daemons.integrators.1: 'rk4': expected explicit, split"),
    ("training: {batch: 8.0}", "training.batch: 8.0: expected a valid integer"),
    (
        "multi_site: {studies: [demo]}",
        "multi_site.studies: demo: has US-CRT, expected two or more",
    ),
    ("multi_site: {studies: [others]}", "multi_site.studies: others: expected one of studies"),
    (
        "multi_site: {studies: [paper], model: gbt}",
        "multi_site.model: gbt: expected one of models, with a network",
    ),
    (
        "{multi_site: {studies: [paper]}, simulation: {radiation: prescribed}}",
        "simulation.radiation: prescribed: one network for several sites needs modelled radiation",
    ),
    (
        "{multi_site: {studies: [paper], model: deep},"
        " models: {deep: {law: mlp, states: true, hidden: [4], root_zone: mass_curve}}}",
        "models.deep.root_zone: the network for several sites begins at table values, expected climate or none",
    ),
    (
        "{multi_site: {studies: [paper], model: deep},"
        " models: {deep: {law: mlp, states: true, hidden: [4], ground_water: rise}}}",
        "models.deep.ground_water: the network for several sites begins at table values",
    ),
    (
        "years: {US-Abc: [{train: [2013, 2016], judge: [2011, 2012]}]}",
        "years.US-Abc: expected a site with periods",
    ),
    (
        "years: {US-Me2: [{train: [2013, 2017], judge: [2011, 2012]}]}",
        "years.US-Me2.0: 2013 to 2017: has years of the site's test period",
    ),
    (
        "years: {US-Me2: [{train: [2005, 2007], judge: [2011, 2012]}]}",
        "years.US-Me2.0: 2005 to 2007: has years of the site's test period or confirmation",
    ),
    (
        'sites: {US-Me2: {confirmation: [["2019-12-31", "2020-02-01"]]}}',
        "sites.US-Me2: test period 2017-01-01:2019-12-31 overlaps confirmation period 2019-12-31:2020-02-01",
    ),
    (
        'sites: {US-Abc: {confirmation: [["2010-01-01", "2010-12-31"]]}}',
        "sites.US-Abc.confirmation: needs train, validation, test too",
    ),
    (
        "years: {US-Me2: [{train: [2013, 2016], judge: [2016, 2016]}]}",
        "years.US-Me2.0: years of judge are among",
    ),
    (
        "years: {US-Me2: [{train: [2016, 2013], judge: [2012, 2012]}]}",
        "years.US-Me2.0.train: 2016 to 2013: the last",
    ),
    (
        "years: {US-Me2: [{train: [2013, 2016], judge: [2011, 2012]}, {train: [2009, 2010], judge: [2011, 2012]}]}",
        "years.US-Me2.1.judge: is that of another fold",
    ),
    (
        "years: {US-Me2: [{train: [2009, 2012], test: [2013, 2014]}]}",
        "years.US-Me2.0.test: no such key, expected one of train, judge",
    ),
    (
        "models: {mlp: null}",
        "daemons.model: mlp: expected one of models, with a network, or daemons.sites: []",
    ),
    ("calibration: {pretraining: 5}", "calibration.pretraining: no such key"),
    ("ensembles: {mlp: [mlp, residual]}", "ensembles.mlp: is the name of a model, expected another name"),
    (
        "ensembles: {both: [mlp, resdiual]}",
        "ensembles.both: resdiual: expected one of models (did you mean residual?)",
    ),
    ("ensembles: {both: [mlp]}", "ensembles.both: ['mlp']: expected at least 2 items, not 1"),
    ("multi_site: {attributes: [], mapping: true}", "multi_site.mapping: expected multi_site.attributes"),
    (
        "multi_site: {fine_tuning: {sites: {US-Me2: [5]}}}",
        "multi_site.fine_tuning.sites.US-Me2: 5: expected years of its train alone, has 2012 to 2016",
    ),
    (
        "multi_site: {fine_tuning: {sites: {US-CRT: [2]}}}",
        "multi_site.fine_tuning.sites.US-CRT: 2: expected years of its train alone, has 2012 to 2013",
    ),
    (
        "multi_site: {fine_tuning: {sites: {AU-How: [1]}}}",
        "multi_site.fine_tuning.sites.AU-How: expected a site with periods in the settings",
    ),
    ("models: {fine_tuned: {law: bulk}}", "models.fine_tuned: is reserved for the comparison"),
    ("multi_site: {attributes: [age]}", "multi_site.attributes.0: 'age': expected 'rs', 'z0'"),
    ("seeds: true", "seeds: True: expected a valid integer"),
    ("training: {window_days: [.nan]}", "training.window_days.0: nan: expected a finite number"),
    ("training: {loss: squared}", "training.loss: 'squared': expected 'variance' or 'sum'"),
    ("models: {x: {law: magic}}", "models.x.law: 'magic': expected one of bulk, leaf, mlp"),
    ("models: {x: {law: mlp, states: [rain], hidden: [8]}}", "models.x.states.0: 'rain': expected"),
    (
        "models: {x: {law: mlp, states: true}}",
        "models.x: law mlp has a network, expected the keys states and hidden",
    ),
    ("models: {x: {law: bulk, states: true}}", "models.x.states: law bulk has no network"),
    ("models: {x: {states: true}}", "models.x: expected a key law"),
    ("models: {x: {lwa: bulk}}", "models.x.lwa: no such key (did you mean law?)"),
    (
        "models: {x: {law: 'no_such_module:Law'}}",
        "models.x: law 'no_such_module:Law': cannot import no_such_module",
    ),
    ("models: {mlp: {training: {seeds: 3}}}", "models.mlp.training.seeds: no such key"),
    (
        "models: {mlp: {training: {steps: many}}}",
        "models.mlp.training.steps: 'many': expected a valid integer",
    ),
    ("simulation: {radiation: measured}", "simulation.radiation: 'measured': expected 'modelled' or"),
    ("sites: {US-CRT: {tset: []}}", "sites.US-CRT.tset: no such key (did you mean test?)"),
    ("sites: {US-CRT: {train: []}}", "sites.US-CRT.train: []: expected at least 1 item, not 0"),
    ("sites: {US-CRT: {train: [[2011]]}}", "sites.US-CRT.train.0"),
    (
        "sites: {US-CRT: {train: [[2011-01-01]]}}",
        "sites.US-CRT.train.0: ['2011-01-01']: expected at least 2 items, not 1",
    ),
    ('sites: {US-CRT: {train: [["2011", "2012"]]}}', "sites.US-CRT.train.0.0: '2011': expected a valid date"),
    (
        'sites: {US-CRT: {train: [["2011-02-30", "2011-03-30"]]}}',
        "sites.US-CRT.train.0.0: '2011-02-30': expected a valid date",
    ),
    (
        "sites: {US-CRT: {train: [[2012-01-01, 2011-01-01]]}}",
        "sites.US-CRT.train.0: 2012-01-01 to 2011-01-01: the last day is before the first",
    ),
    (
        "sites: {US-CRT: {test: [[2012-12-31, 2013-01-31]]}}",
        "sites.US-CRT: train period 2013-01-01:2013-12-31 overlaps test period 2012-12-31:2013-01-31",
    ),
    (
        "sites: {US-CRT: {validation: [[2012-02-01, 2012-02-10]]}}",
        "sites.US-CRT: validation period 2012-02-01:2012-02-10 overlaps test period",
    ),
    (
        "sites: {US-CRT: {test: [[2012-07-01, 2012-07-03], [2012-08-01, 2012-08-03]]}}",
        "sites.US-CRT: 6 days of test, expected at least 7",
    ),
    (
        "sites: {US-CRT: {test: [[2012-07-01, 2012-07-04], [2012-07-01, 2012-07-04]]}}",
        "sites.US-CRT: 4 days of test, expected at least 7",
    ),
    (
        "sites: {US-Xyz: {train: [[2001-01-01, 2001-12-31]]}}",
        "sites.US-Xyz: has train, expected all of train, validation, test, or none",
    ),
    (
        "sites: {US-Xyz: {metadata: {canopy: 3}}}",
        "sites.US-Xyz.metadata.canopy: no such key (did you mean canopy_height?)",
    ),
    ("sites: {US-Xyz: {metadata: {canopy_height: tall}}}", "sites.US-Xyz.metadata.canopy_height: 'tall'"),
    ("fetch: {ameriflux: somewhere}", "fetch.ameriflux: 'somewhere': expected an address"),
]


def merged(base: dict, changes: dict) -> dict:
    """`changes` over `base`, key by key, as Snakemake merges configuration files."""
    inner = {
        key: merged(base.get(key, {}), value) for key, value in changes.items() if isinstance(value, dict)
    }
    return base | changes | inner


def check(root: Path, changes: dict) -> dict:
    """`changes` over the published settings, checked, whatever archives there are."""
    config = yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8")) | {"archives": "none"}
    return checked(merged(config, changes))


@pytest.mark.parametrize("changes, message", REFUSED)
def test_settings_refused(root, changes, message):
    check(root, {})
    with pytest.raises(InputError) as error:
        check(root, yaml.safe_load(changes))
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "place, own, option",
    [
        ("mine.yaml line 3: training.stepz", "training:\n  batch: 4\n  stepz: 3\n", "{}"),
        ("mine.yaml line 2: sites.US-CRT.test.0.1", "sites:\n  US-CRT: {test: [[2013-01-01, 2013]]}", "{}"),
        ("config.yaml line 2: studies.demo", "seeds: 3", '{"training": {"steps": 3}}'),
        ("--config: seeds", "seeds: 3", '{"seeds": "three"}'),
    ],
)
def test_refusal_names_file_and_line_of_the_setting(root, place, own, option):
    config = yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8"))
    sources = {"config.yaml": "seeds: 2\nstudies: {demo: [US-Tw3]}\n", "mine.yaml": own, "--config": option}
    for text in sources.values():
        config = merged(config, yaml.safe_load(text))
    with pytest.raises(InputError, match=f"^{place}: "):
        checked(config, sources)


def test_only_what_another_file_has_can_be_left_out(root):
    published = (root / "config.yaml").read_text(encoding="utf-8")

    def left_with(own: str) -> dict:
        config = merged(yaml.safe_load(published), yaml.safe_load(own)) | {"archives": "none"}
        return checked(config, {"config.yaml": published, "mine.yaml": own})

    assert "residual" not in left_with("models:\n  residual: null\n")["models"]
    place, expected = "mine.yaml line 2: models.residul: null", "expected one of models of another file"
    with pytest.raises(InputError, match=rf"^{place}, {expected} \(did you mean residual\?\)$"):
        left_with("models:\n  residul: null\n")


def test_all_are_the_sites_of_the_folder_with_their_settings_or_none(root, tmp_path):
    for name in (
        "AMF_US-Wkg_FLUXNET_FULLSET_2018-2021_0-0.zip",
        "AMF_US-Wkg_FLUXNET_BIF_2018-2021_0-0.csv",
        "AU-How_2003-2017_OzFlux_Met.nc",
        "AU-How_2003-2017_OzFlux_Flux.nc",
        "DE-Xyz_tower.csv",
        "FR-Pue_notes.txt",
        "AMF_AA-Flx_FLUXNET_BIF_LATEST.xlsx",
    ):
        (tmp_path / name).write_text("-")
    (tmp_path / "AMF_US-Tw3_BASE-BADM_5-5.zip").mkdir()  # unpacked
    published = check(root, {})
    assert published["studies"]["all"] == []
    found = check(root, {"archives": str(tmp_path), "studies": {"mine": ["AU-How", "US-CRT"]}})
    assert found["studies"]["all"] == ["AU-How", "DE-Xyz", "US-Wkg"]
    assert found["sites"] == published["sites"] | {"AU-How": {}, "DE-Xyz": {}}
    left_out = {"DE-Xyz": None, "US-Wkg": None, "FR-Hes": None}
    without = check(root, {"archives": str(tmp_path), "sites": left_out})
    assert without["studies"]["all"] == ["AU-How"] and without["studies"]["paper"] == ["US-Me2"]
    assert without["sites"].keys() == published["sites"].keys() - {"US-Wkg"} | {"AU-How"}
    assert without["years"] == published["years"]


def test_no_study_has_the_name_of_a_rule(root):
    rules = "".join(path.read_text(encoding="utf-8") for path in root.glob("workflow/rules/*.smk"))
    names = re.findall(r"^(?:use rule \w+ as|rule) (\w+)", rules, re.MULTILINE)
    assert {"fetch", "simulate_bulk"} < set(names)
    for name in [*names, "test", "setup"]:
        with pytest.raises(InputError, match=f"studies.{name}: is the name of a step or command"):
            check(root, {"studies": {name: ["US-CRT"]}})


def blocks(text: str, first: str) -> list[str]:
    """Indented blocks of a Markdown text that begin with `first`, without their indent."""
    found = re.findall(rf"^( +)({first}.*\n(?:\1.*\n)*)", text, re.MULTILINE)
    return [re.sub(f"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


@pytest.fixture(scope="module")
def described(root, tmp_path_factory) -> tuple[list[dict], Path]:
    """Settings of the site that README and docs set up, and its table of sites."""
    texts = [(root / name).read_text(encoding="utf-8") for name in ("README.md", "docs/configuration.md")]
    (table,) = blocks("".join(texts), "site_id,")
    path = tmp_path_factory.mktemp("described") / "my_sites.csv"
    path.write_text(table, encoding="utf-8")
    return [yaml.safe_load(block) for text in texts for block in blocks(text, "sites_table:")], path


def test_described_settings_are_valid_and_of_a_new_site(root, described):
    examples, table = described
    own, shipped = read_sites(table), read_sites()
    assert len(examples) == 2
    for example in examples:
        assert example["sites"].keys() == own.keys() and not own.keys() & shipped.keys()
        check(root, example)


def test_described_periods_can_be_learnt_from_and_judged(described, tmp_path):
    examples, table = described
    unpacked = tmp_path / "AMF_US-Abc_BASE_HH_1-1.csv"
    with zipfile.ZipFile(CRT) as archive:
        unpacked.write_bytes(archive.read(*archive.namelist()))
    site = ["--site", "US-Abc"]
    lad("gapfill", *site, "--sites", table, "--archive", unpacked, "--output", tmp_path / "tower.nc")
    tower, forcing, observations = (tmp_path / f"{name}.nc" for name in ("tower", "forcing", "observations"))
    lad("forcing", *site, "--tower", tower, "--output", forcing, "--observations", observations)
    record, flags = read_record(forcing), read_netcdf(tower)["Precip_qc"].values
    for example in (example for example in examples if example["sites"]["US-Abc"]):
        train, validation, test = (
            parse_periods([":".join(days) for days in example["sites"]["US-Abc"][name]])
            for name in ("train", "validation", "test")
        )
        learning_data(record, observations, train, validation)
        tested = read_observed(observations, "US-Abc").during(test, observations)
        assert all(usable.mean() > 0.5 for usable in tested.usable.values())
        assert (flags[mask(record.time, train + test)] == 0).mean() > 0.95


def test_types_of_cover_and_soil_are_described(root):
    text = (root / "docs/configuration.md").read_text(encoding="utf-8")
    rows = [
        (int(number), name) for number, name in re.findall(r"^\| (\d+) \| ([a-z/ ]+) \|", text, re.MULTILINE)
    ]
    assert rows == [(number, row[0]) for types in (COVER, SOIL) for number, row in types.items()]


def test_what_is_named_in_the_settings_is_what_the_package_has():
    """The settings name it themselves: they do without the time that JAX takes to start."""
    assert LAWS == (*PHYSICAL_LAWS, *LEARNT_LAWS) and STATES == tuple(fluxes.STATES)
    assert get_args(Attribute) == tuple(ATTRIBUTES)
    assert get_args(Descent.model_fields["loss"].annotation) == tuple(WEIGHTINGS)
    bounds = calibration_space(table_parameters(cover=9, soil=2, z_ref=2.0)).bounds
    assert set(get_args(Quantity)) == {bound.name for bound in bounds}


@pytest.mark.parametrize("name", ["explicit-1", "split-64", "euler-2", "fast-10", "diffrax"])
def test_solvers_of_the_settings_are_known(root, name):
    assert check(root, {"simulation": {"integrator": name}})["simulation"]["integrator"] == name
    assert callable(named(name))


def test_schema_and_table_are_up_to_date(root):
    assert (root / reference.SCHEMA).read_text(encoding="utf-8") == reference.schema()
    page = (root / reference.TABLE).read_text(encoding="utf-8")
    assert page == reference.updated(page)


def test_published_settings_agree_with_the_schema_of_editors(root):
    schema, config = (
        yaml.safe_load((root / name).read_text(encoding="utf-8"))
        for name in (reference.SCHEMA, "config.yaml")
    )
    jsonschema.validate(config, schema)
    for broken in ({"seeds": 0}, {"daemons": {"integrators": ["fast-1"]}}, {"studies": {"demo": []}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(merged(config, broken), schema)


def test_absent_keys_have_the_defaults_and_parts_of_a_training_stay_parts(root):
    settings = check(root, {"training": {"steps": 3}, "models": {"mlp": {"training": {"batch": 4}}}})
    assert settings["training"] == Descent(steps=3).to_dict()
    assert settings["calibration"] == Calibration().to_dict()
    assert settings["models"]["mlp"] == {
        "law": "mlp",
        "states": True,
        "hidden": [32, 32],
        "training": {"batch": 4},
    }
    assert settings["multi_site"]["training"] == {} and "sites_table" not in settings


def test_parts_are_made_in_python_as_of_a_file():
    descent = Descent(steps=20, window_days=[3, 10])
    assert descent == Descent.parse('{"steps": 20, "window_days": [3, 10]}', "--settings")
    assert descent == Descent.parse(descent.to_dict(), "x.eqx") and hash(descent)
    with pytest.raises(ValidationError):
        Descent(steps=2.0)
    network = ModelSettings(law="residual", states=["snow", "root"], hidden=[4], attributes=["rs"])
    assert network.has_network and network.seen_states == ("root", "snow")
    assert LawSettings(law="mlp", states=True, hidden=[4]).seen_states == STATES
    before = LawSettings(law="mlp", states=True, hidden=[4], antecedents=["VPD", "Precip"]).seen_antecedents
    assert before[0] == "Precip_1d" and before[-2:] == ("VPD_1d", "VPD_10d") and len(before) == 7
    assert LawSettings(law="mlp", states=True, hidden=[4], antecedents=True).seen_antecedents == ANTECEDENTS
    bulk = LawSettings(law="bulk")
    assert not bulk.has_network and bulk.seen_states == () and bulk.to_dict() == {"law": "bulk"}


@pytest.mark.parametrize(
    "section, text, message",
    [
        (Descent, '{"stepz": 3}', "stepz: no such key (did you mean steps?), expected one of steps, batch"),
        (Descent, '{"steps": ', "not valid JSON (Expecting value"),
        (Descent, "[3]", "top level: [3]: expected an object"),
        (Descent, '{"window_days": [3, 0]}', "window_days.1: 0: expected greater than 0"),
        (Descent, '{"weight_decay": -1}', "weight_decay: -1: expected greater than or equal to 0"),
        (Descent, '{"starts": 3}', "starts: no such key"),
        (Calibration, '{"starts": true}', "starts: True: expected a valid integer"),
        (LawSettings, "{}", "top level: expected a key law"),
        (LawSettings, '{"law": "bulk", "antecedents": true}', "antecedents: law bulk has no network"),
        (LawSettings, '{"law": "bulk", "LAI": true}', "LAI: law bulk has no network"),
        (
            LawSettings,
            '{"law": "bulk", "root_zone": "deep"}',
            "root_zone: 'deep': expected 'mass_curve' or 'climate'",
        ),
        (LawSettings, '{"law": "mlp", "states": 1, "hidden": [4]}', "states: 1: expected a valid boolean"),
        (LawSettings, '{"law": "mlp", "states": true, "hidden": [4, 0]}', "hidden.1: 0: expected greater"),
        (ModelSettings, '{"law": "bulk", "attributes": ["rs"]}', "attributes: law bulk has no network"),
    ],
)
def test_refused_options_are_one_line(section, text, message):
    with pytest.raises(InputError) as error:
        section.parse(text, "--settings")
    assert str(error.value).startswith(f"--settings: {message}") and "\n" not in str(error.value)


OWN_LAWS = """
from lad.fluxes import AbstractFluxes, Fluxes, LearntFluxes, Network

class Calm(AbstractFluxes):
    def __call__(self, state, forcing, parameters):
        return Fluxes(0.0, 0.0, 0.0)

class Learnt(LearntFluxes):
    network: Network
    OUTPUTS = 2

    def __call__(self, state, forcing, parameters):
        return Fluxes(*self.network(state, forcing, parameters), 0.0)

class Endless(Learnt):
    OUTPUTS = None

class Unfinished(AbstractFluxes):
    pass

calm = Calm()
"""


@pytest.fixture
def own_laws(tmp_path, monkeypatch):
    (tmp_path / "own_laws.py").write_text(OWN_LAWS, encoding="utf-8")
    (tmp_path / "broken_laws.py").write_text("import no_such\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("own_laws", None)


def test_a_law_may_come_from_a_module_of_ones_own(own_laws):
    assert law_class("bulk") is BulkFluxes and law_class("mlp") is LEARNT_LAWS["mlp"]
    assert law_class("own_laws:Calm")()(None, None, None).H == 0.0
    assert not LawSettings(law="own_laws:Calm").has_network
    assert LawSettings(law="own_laws:Learnt", states=False, hidden=[4]).has_network
    for law, message in [
        ('{"law": "own_laws:Calm", "hidden": [4]}', "x: hidden: law own_laws:Calm has no network"),
        ('{"law": "own_laws:Learnt"}', "x: top level: law own_laws:Learnt has a network, expected the keys"),
    ]:
        with pytest.raises(InputError, match=f"^{message}"):
            LawSettings.parse(law, "x")


@pytest.mark.parametrize(
    "law, message",
    [
        (
            "magic",
            "expected one of bulk, leaf, mlp, mlp_downgradient, conductance, parameters, residual, or module:Class",
        ),
        ("own_laws:", "expected one of bulk"),
        ("absent_laws:Law", "cannot import absent_laws: No module named 'absent_laws'"),
        ("broken_laws:Law", "cannot import broken_laws: No module named 'no_such'"),
        ("own_laws:Absent", "expected a class Absent in own_laws, a subclass of AbstractFluxes"),
        ("own_laws:calm", "expected a class calm in own_laws"),
        ("own_laws:Network", "expected a class Network in own_laws"),
        ("own_laws:Unfinished", "expected a class Unfinished in own_laws"),
        ("own_laws:Endless", "expected Endless.OUTPUTS, the number of outputs of its network"),
    ],
)
def test_a_law_that_is_none_is_one_line(own_laws, law, message):
    with pytest.raises(InputError, match=f"^law '{law}': {message}"):
        law_class(law)


def test_what_config_yaml_has_can_be_left_out(root):
    changes = "{models: {conductance_season: null}, ensembles: {two: [mlp, residual]}, years: {US-Me2: null}}"
    settings = check(root, yaml.safe_load(changes))
    assert settings["ensembles"] == {"laws": ["mlp_season", "residual_season"], "two": ["mlp", "residual"]}
    assert settings["years"] == {} and "conductance_season" not in settings["models"]
    gone = {"models": dict.fromkeys(("conductance_season", "residual_season"))}
    assert check(root, gone)["ensembles"] == {} == check(root, {"ensembles": {"laws": None}})["ensembles"]
