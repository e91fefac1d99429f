"""`python -m wfi_emulator` is the program."""

import subprocess
import sys

from ._emulator import find_program

sys.exit(subprocess.run([find_program(), *sys.argv[1:]]).returncode)
