// Starts an emulator for the tests of a file, for node:test and any other runner.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export async function startEmulator() {
  const program = process.env.WFI_EMULATOR ?? "wfi-emulator";
  const flags = ["--port", "0", "--ready", "json", "--exit-with-parent", "--log", "off"];
  // The pipe to its standard input is what ties its life to ours.
  const child = spawn(program, flags, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, "exit").then(([status]) => { throw new Error(`${program} has ended with status ${status}`); });
  const [line] = await Promise.race([once(lines, "line"), ended]);
  const ready = JSON.parse(line);
  // The base URL of a world for one test. The emulator completes the label, so that no two tests share a world.
  const world = async (label) => {
    const response = await fetch(`${ready.control}/worlds`, { method: "POST", body: JSON.stringify({ label }) });
    return (await response.json()).url;
  };
  const stop = () => { ended.catch(() => {}); child.stdin.end(); return once(child, "exit"); };
  return { ...ready, world, stop };
}
