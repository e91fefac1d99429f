"""Starts wfi-emulator, an offline Microsoft Graph, and gives each test a world of its own."""

from ._emulator import ControlError, Emulator, World, find_program

__all__ = ["ControlError", "Emulator", "World", "find_program"]
