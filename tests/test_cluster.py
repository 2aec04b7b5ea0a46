"""What a cluster is asked for: the rules, the profile and the documentation agree."""

import re

import yaml


def asked(root) -> dict[str, list[tuple[int, int]]]:
    """Memory (MB) and time (min) of the first attempt, and more for each site of a study, of all rules that may run on
    a node and say it themselves."""
    found = {}
    for file in (root / "workflow/rules").glob("*.smk"):
        for rule in re.split(r"^(?:use )?rule ", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            numbers = re.findall(r"(?:mem_mb|runtime)=growing\((\d+)(?:, (\d+))?\)", rule)
            name = re.match(r"\w+(?: as (\w+))?", rule)
            if numbers:
                found[name[1] or name[0]] = [(int(amount), int(of_site or 0)) for amount, of_site in numbers]
            else:
                assert "localrule: True" in rule or name[1], f"{name[0]} asks for the same at every attempt"
    return found


def test_table_of_the_documentation_is_what_the_rules_ask_for(root):
    text = (root / "docs/cluster.md").read_text(encoding="utf-8")
    amount = r" (\d+)(?: \+ ([\d.]+) a site)? \|"
    rows = re.findall(rf"^\| (\w+) \|{amount}{amount}", text, re.MULTILINE)
    documented = {
        step: [(int(memory) * 1000, round(1000 * float(more or 0))), (int(minutes), int(longer or 0))]
        for step, memory, more, minutes, longer in rows
    }
    assert documented == asked(root)


def test_groups_are_of_rules_that_there_are(root):
    profile = yaml.safe_load((root / "profiles/slurm/config.yaml").read_text(encoding="utf-8"))
    inherit = {"simulate_bulk"}
    assert profile["groups"].keys() <= asked(root).keys() | inherit
    common = yaml.safe_load((root / "profiles/default/config.yaml").read_text(encoding="utf-8"))
    shared = common.keys() - {"cores"}
    assert {name: profile[name] for name in shared} == {name: common[name] for name in shared}
