"""Management controllers of lab machines: ipmi_sim on loopback, whose chassis control is the lab's power.

    DIR/chassis      what ipmi_sim calls: it switches the machine, and keeps a log
    DIR/chassis.log  "SECONDS get power", "SECONDS set power 0", ..., and "off" once it is off
    DIR/lies         while it is there, `off` is accepted and not carried out
"""
import os
import shutil
import signal
import socket
import subprocess
import uuid
from pathlib import Path

from case import die_with_parent
from support.lab import holdfast, until

NEEDED = ("ipmi_sim", "ipmitool", "fence_ipmilan", "fence_dummy")
USER, PASSWORD = "fence", "s3cret-of-hv"

CHASSIS = """#!/bin/sh
# get power | set power "0" | set reset "1" ...: see openipmi's ipmi_sim
cd "$(dirname "$0")" || exit 1
power() {{ '{holdfast}' lab power -d '{lab}' {machine} "$1"; }}
log() {{ echo "$(date +%s.%N) $*" >>chassis.log; }}
log "$*"
op=$1
shift
case $op in
get)
    for what in "$@"; do
        case $what in
        power)
            if [ -e lies-off ]; then echo power:0
            elif [ "$(power status)" = on ]; then echo power:1
            else echo power:0; fi ;;
        boot) echo boot:none ;;
        *) echo "$what:0" ;;
        esac
    done ;;
set)
    case "$1 $2" in
    "power 0") [ -e lies ] || {{ power off && log "is off"; }} ;;
    "power 1") power on && log "is on" ;;
    esac ;;
esac
exit 0
"""

LAN = """name "bmc"
set_working_mc 0x20
  startlan 1
    addr {host} {port}
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid {guid}
  endlan
  chassis_control "{chassis}"
  user 1 true "" "test" user 10 none md2 md5 straight
  user 2 true "{user}" "{password}" admin 10 none md2 md5 straight
"""

EMULATION = """mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
sel_enable 0x20 1000 0x0a
mc_enable 0x20
"""


def missing():
    """What of the fence packages is not installed; see packaging/packages-fence.txt."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return [name for name in NEEDED if not shutil.which(name, path=path)]


def free_port(host):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind((host, 0))
        return one.getsockname()[1]


class Bmc:
    """The management controller of one machine; it runs beside the lab, as hardware does."""

    def __init__(self, case, lab, machine, directory):
        self.case = case
        self.machine = machine
        self.dir = Path(directory)
        (self.dir / "state").mkdir(parents=True)
        self.host = "127.0.0.1"
        self.port = free_port(self.host)
        self.guid = uuid.uuid4()
        chassis = self.dir / "chassis"
        chassis.write_text(CHASSIS.format(holdfast=holdfast(), lab=lab.dir, machine=machine))
        chassis.chmod(0o700)
        (self.dir / "bmc.emu").write_text(EMULATION)
        self.process = None
        self.begin()

    def begin(self, guid=None):
        raw = (guid or self.guid).bytes[::-1].hex()  # the wire has the last byte first
        (self.dir / "lan.conf").write_text(
            LAN.format(
                host=self.host,
                port=self.port,
                guid=raw,
                chassis=self.dir / "chassis",
                user=USER,
                password=PASSWORD,
            )
        )
        argv = ["ipmi_sim", "-c", "lan.conf", "-f", "bmc.emu", "-s", str(self.dir / "state"), "-n"]
        with open(self.dir / "bmc.log", "ab") as log:
            self.process = subprocess.Popen(
                argv,
                cwd=self.dir,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
            )
        until(lambda: self.guid_text(), f"the controller of {self.machine} answers")

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()

    def silent(self, yes):
        self.process.send_signal(signal.SIGSTOP if yes else signal.SIGCONT)

    def says(self, name, yes):
        """Switches one of its lies on or off."""
        path = self.dir / name
        if yes:
            path.touch()
        else:
            path.unlink(missing_ok=True)

    def guid_text(self):
        argv = ["ipmitool", "-I", "lanplus", "-H", self.host, "-p", str(self.port), "-U", USER]
        argv += ["-E", "-C", "3", "-N", "1", "-R", "1", "mc", "guid"]
        environment = {**os.environ, "IPMI_PASSWORD": PASSWORD}
        done = subprocess.run(argv, capture_output=True, text=True, env=environment, check=False)
        words = done.stdout.split()
        return words[3] if words[:2] == ["System", "GUID"] else None

    def log(self):
        """[(seconds, what)]."""
        path = self.dir / "chassis.log"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(float(line.split()[0]), line.split(" ", 1)[1]) for line in lines]

    def forget(self):
        (self.dir / "chassis.log").unlink(missing_ok=True)
