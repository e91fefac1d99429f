#!/usr/bin/env node
// Runs the program with the arguments of this command, and passes signals on.
import { spawn } from "node:child_process";
import { findProgram } from "./program.js";

const child = spawn(findProgram(), process.argv.slice(2), { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (status, signal) => { process.exitCode = status ?? (signal ? 1 : 0); });
child.on("error", (error) => { console.error(`wfi-emulator: ${error.message}`); process.exitCode = 1; });
