"""Make what the tutorial begins with: a CSV table of a tower, a row of metadata, and a settings file.

    .venv/bin/python examples/practice_tower.py FOLDER

The tower is US-CRT, whose archive comes with the project, under the name US-Abc and with the columns that `lad` needs.
"""

import sys
import zipfile
from pathlib import Path

import pandas as pd

ARCHIVE = Path(__file__).parent.parent / "data" / "AMF_US-CRT_BASE-BADM_3-5.zip"
COLUMNS = ["TIMESTAMP_START", "TA", "RH", "PA", "WS", "P", "SW_IN", "LW_IN", "NETRAD", "G", "LE", "H"]
SITES = """\
site_id,name,latitude,longitude,elevation,igbp,utc_offset_hours,canopy_height,measurement_height
US-Abc,A field in Ohio,41.6285,-83.3471,180,CRO,-5,0.4,2.0
"""
SETTINGS = """\
archives: archives
sites_table: my_sites.csv
sites:
  US-Abc:
    train: [["2011-01-01", "2011-12-31"], ["2013-01-01", "2013-12-31"]]
    validation:
      - ["2011-02-15", "2011-03-07"]
      - ["2011-08-16", "2011-09-05"]
      - ["2013-05-17", "2013-06-06"]
      - ["2013-11-16", "2013-12-06"]
    test: [["2012-01-01", "2012-12-31"]]
studies: {mine: [US-Abc]}
"""


def main(folder: Path) -> None:
    """Write archives/US-Abc_tower.csv, my_sites.csv and mine.yaml to `folder`, which there must not be."""
    if folder.exists():
        sys.exit(f"{folder}: is there already, expected a new folder")
    with zipfile.ZipFile(ARCHIVE) as archive:
        (name,) = [name for name in archive.namelist() if "_HH_" in name]
        rows = pd.read_csv(archive.open(name), comment="#", dtype=str).rename(columns={"G_1_1_1": "G"})
    (folder / "archives").mkdir(parents=True, exist_ok=True)
    rows[COLUMNS].to_csv(folder / "archives/US-Abc_tower.csv", index=False)
    (folder / "my_sites.csv").write_text(SITES, encoding="utf-8")
    (folder / "mine.yaml").write_text(SETTINGS, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("expected the name of a new folder")
    main(Path(sys.argv[1]))
