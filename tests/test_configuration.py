"""The settings: what is refused, and that the examples of the documentation are not."""

import re
import zipfile
from pathlib import Path

import pytest
import yaml
from archives import CRT
from evaluation_site import lad

from lad.configuration import checked
from lad.errors import InputError
from lad.forcing import read_record
from lad.io import read_netcdf
from lad.learn.data import learning_data
from lad.many.place import ATTRIBUTES
from lad.observations import read_observed
from lad.parameters import COVER, SOIL
from lad.periods import mask, parse_periods
from lad.towers.sites import read_sites

REFUSED = [  # settings, what is said about them
    ("trianing: {}", "trianing: no such key (did you mean training?), expected one of archives, fetch"),
    (
        "training: {stepz: 3}",
        "training.stepz: no such key (did you mean steps?), expected one of steps, batch",
    ),
    ("seeds: three", "seeds: 'three' is not of type 'integer'"),
    ("sites:", "sites: None is not of type 'object'"),
    ("studies: {mine: [Wkg]}", "studies.mine.0: 'Wkg' does not match"),
    ("studies: {mine: [US-Tw3]}", "studies.mine: expected a key sites.US-Tw3 with the site's periods"),
    ("studies: {mine: every}", "studies.mine: 'all' was expected"),
    ("studies: {train: [US-CRT]}", "studies.train: is the name of a step"),
    ("studies: {test: [US-CRT]}", "studies.test: is the name of a step or command"),
    ("models: {bulk: {law: mlp, states: true, hidden: [8]}}", "models.bulk: is what is compared"),
    ("models: {gbt: {law: mlp, states: true, hidden: [8]}}", "models.gbt: is what is compared"),
    ("baselines: [1lin, forest]", "baselines.1: 'forest' is not one of"),
    ("baselines: [ann, ann]", "baselines: ['ann', 'ann'] has non-unique elements"),
    ("studies: {baselines_of_seeds: [US-CRT]}", "studies.baselines_of_seeds: is the name of a step"),
    ("models: {1lin: {law: mlp, states: true, hidden: [8]}}", "models: '1lin' does not match"),
    ("simulation: {integrator: original}", "simulation.integrator: 'original' is not one of"),
    ("simulation: {steps_per_interval: 20000}", "simulation.steps_per_interval: 20000 is greater than"),
    ("solvers: {sites: [US-Tw3]}", "solvers.sites: US-Tw3: expected one of US-CRT, US-Me2"),
    ("daemons: {sites: [US-Tw3]}", "daemons.sites: US-Tw3: expected one of US-CRT, US-Me2"),
    ("landscape: {sites: [US-Tw3]}", "landscape.sites: US-Tw3: expected one of US-CRT, US-Me2"),
    ("landscape: {along: [dz]}", "landscape.along.0: 'dz' is not one of"),
    ("daemons: {model: lstm}", "daemons.model: lstm: expected one of models, with a network"),
    ("daemons: {integrators: [fast-1]}", "daemons.integrators: ['fast-1']: expected at least 2, has 1"),
    ("daemons: {integrators: [fast-1, rk4]}", "daemons.integrators.1: 'rk4' does not match"),
    ("training: {batch: 8.0}", "training.batch: 8.0 is not of type 'integer'"),
    ("many: {studies: [demo]}", "many.studies: demo: expected one of studies, with two sites or more"),
    ("many: {studies: [others]}", "many.studies: others: expected one of studies"),
    ("many: {studies: [paper], model: gbt}", "many.model: gbt: expected one of models, with a network"),
    (
        "{many: {studies: [paper]}, simulation: {radiation: prescribed}}",
        "simulation.radiation: prescribed: one network for many towers knows modelled alone",
    ),
    (
        "{many: {studies: [paper]}, simulation: {integrator: diffrax}}",
        "simulation.integrator: diffrax: one network for many towers knows fast alone",
    ),
    ("many: {attributes: [age]}", "many.attributes.0: 'age' is not one of"),
    ("seeds: true", "seeds: True is not of type 'integer'"),
    ("training: {window_days: [.nan]}", "training.window_days.0: nan is not of type 'number'"),
    ("training: {loss: squared}", "training.loss: 'squared' is not one of"),
    ("models: {x: {law: magic}}", "models.x.law: 'magic' is not one of"),
    ("models: {x: {law: mlp, states: [rain], hidden: [8]}}", "models.x.states"),
    ("models: {x: {law: mlp, states: true}}", "models.x: 'hidden' is a required property"),
    ("models: {x: {law: bulk, states: true}}", "models.x"),
    ("models: {mlp: {training: {seeds: 3}}}", "models.mlp.training.seeds: no such key"),
    (
        "models: {mlp: {training: {steps: many}}}",
        "models.mlp.training.steps: 'many' is not of type 'integer'",
    ),
    ("simulation: {radiation: measured}", "simulation.radiation: 'measured' is not one of"),
    ("sites: {US-CRT: {tset: []}}", "sites.US-CRT.tset: no such key (did you mean test?)"),
    ("sites: {US-CRT: {train: []}}", "sites.US-CRT.train: []: expected at least 1, has 0"),
    ("sites: {US-CRT: {train: [[2011]]}}", "sites.US-CRT.train.0"),
    (
        "sites: {US-CRT: {train: [[2011-01-01]]}}",
        "sites.US-CRT.train.0: ['2011-01-01']: expected at least 2, has 1",
    ),
    ('sites: {US-CRT: {train: [["2011", "2012"]]}}', "sites.US-CRT.train.0.0: '2011' does not match"),
    (
        'sites: {US-CRT: {train: [["2011-02-30", "2011-03-30"]]}}',
        "sites.US-CRT: period '2011-02-30:2011-03-30': expected FIRST:LAST",
    ),
    (
        "sites: {US-CRT: {train: [[2012-01-01, 2011-01-01]]}}",
        "sites.US-CRT: period '2012-01-01:2011-01-01': the last day is before the first",
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
    ("sites: {US-Xyz: {train: [[2001-01-01, 2001-12-31]]}}", "sites.US-Xyz: 'validation' is a dependency"),
    (
        "sites: {US-Xyz: {metadata: {canopy: 3}}}",
        "sites.US-Xyz.metadata.canopy: no such key (did you mean canopy_height?)",
    ),
    ("sites: {US-Xyz: {metadata: {canopy_height: tall}}}", "sites.US-Xyz.metadata.canopy_height: 'tall'"),
    ("fetch: {ameriflux: somewhere}", "fetch.ameriflux: 'somewhere' does not match"),
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
    return checked(merged(config, changes), root / "workflow/schemas/config.schema.yaml")


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
        checked(config, root / "workflow/schemas/config.schema.yaml", sources)


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
    for example in examples:
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


def test_attributes_are_those_that_a_network_can_see(root):
    schema = yaml.safe_load((root / "workflow/schemas/config.schema.yaml").read_text(encoding="utf-8"))
    assert schema["properties"]["many"]["properties"]["attributes"]["items"]["enum"] == list(ATTRIBUTES)
    (row,) = re.findall(
        r"^\| `many.attributes` .*",
        (root / "docs/configuration.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert row.partition("any of ")[2] == ", ".join(f"`{name}`" for name in ATTRIBUTES) + " |"
