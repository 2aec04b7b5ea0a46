"""A Slurm cluster of one node on this machine, for tests: its own munge, controller and node daemon.

All it needs is in one folder, and it has its own ports: a cluster that the machine belongs to is not touched.
"""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

DAEMONS = ["munged", "slurmctld", "slurmd"]
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"  # of the daemons, which not every user has on theirs
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
MpiDefault=none
ReturnToService=2
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
StateSaveLocation={folder}/controller
SlurmdSpoolDir={folder}/node
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SwitchType=switch/none
# No control groups: they need systemd. Memory is limited by what the jobs are seen to use.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/jobs.txt
SchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=0
SlurmdParameters=config_overrides
NodeName=localhost NodeHostname={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=16000 State=UNKNOWN
PartitionName=main Nodes=localhost Default=YES MaxTime=1440 State=UP
"""


def missing() -> str:
    """What keeps a cluster from being started here; empty if nothing does."""
    lacking = [name for name in [*DAEMONS, "mungekey", "sbatch"] if shutil.which(name, path=PATH) is None]
    if lacking:
        return f"no {', '.join(lacking)}: apt-get install munge slurmctld slurmd slurm-client"
    return ""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Cluster:
    """The cluster, started in `folder`; `environment` is what its clients need."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": f"{folder}/bin:{PATH}"}
        for name in ["bin", "controller", "node"]:
            (folder / name).mkdir(parents=True)
        # In a job the plug-in drops all of Slurm's variables before it calls srun.
        srun = folder / "bin/srun"
        real = shutil.which("srun", path=PATH)
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {real} "$@"\n', encoding="utf-8")
        srun.chmod(0o755)
        user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        (folder / "slurm.conf").write_text(
            CONFIGURATION.format(
                folder=folder, user=user, host=socket.gethostname(), controller=free_port(), node=free_port()
            ),
            encoding="utf-8",
        )
        self.call("mungekey", "--create", f"--keyfile={folder}/munge.key")
        places = {
            "key-file": "key",
            "socket": "socket",
            "pid-file": "pid",
            "log-file": "log",
            "seed-file": "seed",
        }
        # By force: others may not pass through the folder of a test, and need not.
        self.call("munged", "--force", *(f"--{name}={folder}/munge.{end}" for name, end in places.items()))
        self.call("slurmctld")
        self.call("slurmd", "-N", "localhost")
        for _ in range(100):
            if self.call("sinfo", "--noheader", "--format=%t", check=False) == "idle\n":
                return
            time.sleep(0.2)
        self.stop()
        raise RuntimeError(f"no node became idle, see {folder}/slurmctld.log")

    def call(self, *command: str, check: bool = True) -> str:
        """Standard output of a command."""
        result = subprocess.run(
            command, env=os.environ | self.environment, stdout=subprocess.PIPE, text=True, check=check
        )
        return result.stdout

    def stop(self):
        """End jobs and daemons."""
        self.call("scancel", "--me", check=False)
        for name in ["slurmd", "slurmctld", "munge"]:
            pid = self.folder / f"{name}.pid"
            if pid.exists():
                os.kill(int(pid.read_text(encoding="utf-8")), 15)
