// The program of this platform.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** Returns the path of the program: that of WFI_EMULATOR, or that of the package for this platform. */
export function findProgram() {
  if (process.env.WFI_EMULATOR) return process.env.WFI_EMULATOR;
  const name = `@wfi-emulator/${process.platform}-${process.arch}`;
  try {
    return require.resolve(`${name}/${process.platform === "win32" ? "wfi-emulator.exe" : "wfi-emulator"}`);
  } catch {
    throw new Error(`no program for this platform: install ${name} (npm leaves it out with --omit=optional), or set WFI_EMULATOR`);
  }
}
