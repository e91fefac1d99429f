"""Starts wfi-emulator, an offline Microsoft Graph, and gives each test a world of its own."""

from ._emulator import ControlError, Emulator, Finding, Report, Severity, Sighting, World, find_program

__all__ = ["ControlError", "Emulator", "Finding", "Report", "Severity", "Sighting", "World", "find_program"]
