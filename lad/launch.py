"""Start Snakemake for `./run`, after checks of command line and folders that give clearer errors than its own.

python -m lad.launch [snakemake arguments]
"""

import argparse
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lad.errors import InputError
from lad.settings import nearest
from lad.settings.files import anchor, read_settings
from lad.snakemake_internals import QUIET, args_to_api, be_brief, parse_config, parsed, print_exception
from lad.towers.archives import sites_of

ANSWER = 60  # s, longest wait for an answer of the controller
TARGETS = ("years", "confirmation")  # beside studies, sites and files
DEMO = Path("workflow/studies/demo.yaml")  # settings of a run without target and settings file
STUDY_SETTINGS = {"many": Path("workflow/studies/many.yaml")}  # by study; the user's settings override them


def check(
    targets: Sequence[str], files: Sequence[str | Path], entries: Sequence[str]
) -> list[dict[str, Any]]:
    """The settings of each source; raises InputError for unreadable ones and for unknown targets.

    `files` are merged in this order, those of `--configfile` last; `entries` are the arguments of `--config`. Of
    targets that are files only those below `results/` are checked, by study or site; Snakemake checks the rest.
    """
    for entry in entries:
        if "=" not in entry:
            raise InputError(f"--config {entry}: expected key=value (targets come before the options)")
    try:
        settings = [*map(read_settings, files), parse_config(entries)]
        for path, own in zip(files, settings, strict=False):
            anchor(own, own, Path(path).parent)
    except ValueError as error:
        raise error if isinstance(error, InputError) else InputError(f"--config: {error}") from None
    studies = list(dict.fromkeys([*_names(settings, "studies"), *STUDY_SETTINGS]))
    sites = _names(settings, "sites")
    sites += [site for site in sites_of(_archives(settings)) if site not in sites]
    for target in targets:
        in_results = target.startswith("results/")
        known = target in TARGETS or target.startswith("results/confirmation.") or Path(target).is_file()
        if known or ("/" in target and not in_results):
            continue
        name = _study(target)
        if name not in {*studies, *sites} or Path(target) == Path("results", name):
            raise InputError(
                f"{target}: no such target{nearest(name, [*studies, *sites, *TARGETS])}, expected a study"
                f" ({_some(studies)}; one of your own with its --configfile), a site ({_some(sites)}), "
                f"{', '.join(TARGETS)}, or a file in results/STUDY/ or results/SITE/"
            )
    return settings


def settings_of(targets: Sequence[str]) -> list[Path]:
    """Settings files of the targets' study; raises InputError if a study with its own is given beside another one."""
    studies = dict.fromkeys(_study(target) for target in targets)
    found = [STUDY_SETTINGS[study] for study in studies if study in STUDY_SETTINGS]
    if found and len(studies) > 1:
        raise InputError(f"{' '.join(targets)}: {found[0].stem} has settings of its own, give it alone")
    return found


def _study(target: str) -> str:
    """The study or site that a target names or belongs to."""
    return target.split("/")[1] if target.startswith("results/") else target


def study_lines(targets: Sequence[str], settings: Sequence[dict[str, Any]]) -> list[str]:
    """What a run is for: a line for each study among its targets, or for `demo`, with the sites; notes last."""
    studies = {
        name: sites
        for own in settings
        if isinstance(own.get("studies"), dict)
        for name, sites in own["studies"].items()
    }
    given = [own["sites"] for own in settings if isinstance(own.get("sites"), dict)]
    without = {site for sites in given for site, its_own in sites.items() if its_own is None}

    def named(sites: Any) -> str:
        if not isinstance(sites, list):
            return "all sites with an archive"
        return ", ".join(str(site) for site in sites if site not in without)

    return [
        f"Study {name}: {named(sites)}"
        for name in dict.fromkeys(map(_study, targets or ["demo"]))
        if (sites := studies.get(name))
    ] + [str(own["note"]) for own in settings if own.get("note")][-1:]


def unused(
    settings: Sequence[dict[str, Any]], targets: Sequence[str], ours: Sequence[dict[str, Any]] = ()
) -> list[str]:
    """Notes on sites of the settings that are in no study and no target and have no archive.

    Settings among `ours` may name such sites.
    """
    known = {*sites_of([*_archives(settings), "data"]), *_names(settings, "years")}
    known |= {part for target in targets for part in Path(target).parts}
    for studies in (own["studies"] for own in settings if isinstance(own.get("studies"), dict)):
        known |= {str(site) for sites in studies.values() if isinstance(sites, list) for site in sites}
    sites = _names([own for own in settings if own not in ours], "sites")
    return [
        f"Note: sites.{site} is left out: no study has this site, and it has no archive"
        f"{nearest(site, known.difference(sites))}"
        for site in sites
        if site not in known
    ]


def check_rules(args: argparse.Namespace) -> None:
    """Raise InputError for an option on an unknown rule, which Snakemake would ignore."""
    named = [
        (option, rule)
        for option in ("set_resources", "set_threads", "groups")
        for rule in getattr(args, option)
    ]
    if not named:
        return
    files = [Path("Snakefile"), *sorted(Path("workflow/rules").glob("*.smk"))]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files if file.is_file())
    rules = re.findall(r"^ *(?:use rule \w+ as|rule) (\w+)\b", text, re.MULTILINE)
    for option, name in named:
        if name not in rules:
            raise InputError(f"--{option.replace('_', '-')} {name}: no such rule{nearest(name, rules)}")


def check_folders() -> None:
    """Raise InputError if a run may not write to one of its folders."""
    for folder in (".", ".snakemake", "logs", "results"):
        if Path(folder).exists() and not os.access(folder, os.W_OK):
            raise InputError(f"{Path(folder).resolve()}: may not be written to")


def check_profile(argv: Sequence[str]) -> None:
    """Raise InputError for a missing profile, and for one for Slurm if its plug-in is not installed."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--workflow-profile", type=Path)
    named = parser.parse_known_args(argv)[0].workflow_profile
    file = (named or Path("profiles/default")) / "config.yaml"
    if (
        named and not file.is_file() and len(named.parts) > 1
    ):  # Snakemake looks for single words elsewhere too
        raise InputError(f"--workflow-profile {named}: no such file {file}")
    wanted = read_settings(file).get("executor") if file.is_file() else None
    if wanted == "slurm" and find_spec("snakemake_executor_plugin_slurm") is None:
        raise InputError(f"{file}: needs Snakemake's plug-in for Slurm, which `./run setup slurm` adds")


def check_controller() -> None:
    """Raise InputError if Slurm does not answer: the plug-in would wait for some jobs for ever."""
    try:
        answer = subprocess.run(["sinfo", "--noheader"], capture_output=True, text=True, timeout=ANSWER)
    except FileNotFoundError:
        raise InputError("--executor slurm: no command sinfo here, expected a node of a cluster") from None
    except subprocess.TimeoutExpired:
        raise InputError(f"--executor slurm: sinfo does not answer within {ANSWER} s") from None
    if answer.returncode != 0:
        raise InputError(f"--executor slurm: Slurm does not answer ({' '.join(answer.stderr.split())})")


def _names(settings: Iterable[dict[str, Any]], key: str) -> list[str]:
    """Names configured under `key`; anything but a mapping is refused later, with the settings."""
    found = [own[key] for own in settings if isinstance(own.get(key), dict)]
    return list(dict.fromkeys(str(name) for names in found for name in names))


def _archives(settings: Iterable[dict[str, Any]]) -> list[str]:
    """The folder of archives from the last settings that name one; empty if none do."""
    return [own["archives"] for own in settings if isinstance(own.get("archives"), str)][-1:]


def _some(names: Sequence[str], most: int = 12) -> str:
    more = [f"{len(names) - most} more"] if len(names) > most else []
    return ", ".join([*names[:most], *more])


def main(argv: Sequence[str]) -> None:
    """Exit with the status of Snakemake, or with 1 and one line."""
    try:
        check_profile(argv)
        parser, args = parsed(argv)
        if not args.targets and not args.configfile:
            args.configfile = [DEMO]
        special = settings_of(args.targets)
        args.configfile = [*special, *args.configfile]
        settings = check(args.targets, ["config.yaml", *args.configfile], args.config or [])
        for line in study_lines(args.targets, settings):
            print(line, file=sys.stderr)
        for note in unused(settings, args.targets, settings[1 : 1 + len(special)]):
            print(note, file=sys.stderr)
        check_rules(args)
        check_folders()
        if not (args.verbose or args.quiet):
            args.quiet = QUIET
            if args.dryrun or not args.executor:  # steps on other nodes are reported by Snakemake alone
                be_brief(args.cores or 1)
        if args.executor == "slurm" and not args.dryrun:
            check_controller()
        # A run ends when the reader of its output does (`| head`); Snakemake would wait for ever.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        done = args_to_api(args, parser)
    except InputError as error:
        sys.exit(f"run: error: {error}")
    except Exception as error:  # shown as Snakemake's own command does
        print_exception(error)
        done = False
    sys.exit(0 if done else 1)


if __name__ == "__main__":
    main(sys.argv[1:])
