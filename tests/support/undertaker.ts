/** Nothing that a test started outlives the test run, however that ends. */
import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Reads what is under its care, line by line, and ends all of it when its input ends: processes first, then the PostgreSQL of
 * each home, then the homes.
 */
const UNDERTAKER = `
trap '' INT TERM HUP
pids=; homes=
without() { kept=; for each in $1; do [ "$each" = "$2" ] || kept="$kept $each"; done; echo "$kept"; }
while read -r verb what; do
  case "$verb" in
    watch) pids="$pids $what" ;;
    ended) pids=$(without "$pids" "$what") ;;
    keep) homes="$homes $what" ;;
    removed) homes=$(without "$homes" "$what") ;;
  esac
done
for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
for home in $homes; do
  postmaster=$(head -n 1 "$home/postgres/data/postmaster.pid" 2>/dev/null)
  [ -n "$postmaster" ] && kill -QUIT "$postmaster" 2>/dev/null
  tries=0
  while [ -n "$postmaster" ] && kill -0 "$postmaster" 2>/dev/null && [ "$tries" -lt 50 ]; do tries=$((tries + 1)); sleep 0.1; done
  rm -rf "$home"
done
`;

let shell: ChildProcess | undefined;

function hire(): ChildProcess | undefined {
  if (process.platform === 'win32') return undefined;
  const hired = spawn('/bin/sh', ['-c', UNDERTAKER], { detached: true, stdio: ['pipe', 'ignore', 'ignore'], cwd: '/' });
  hired.unref();
  (hired.stdin as unknown as { unref(): void }).unref();
  hired.stdin?.on('error', () => {});
  return hired;
}

/**
 * Tells the undertaker of this process what to end should this process be killed: a shell that notices its broken pipe. There is
 * none on Windows, where a killed run leaves its processes behind.
 */
export function tellUndertaker(verb: 'watch' | 'ended' | 'keep' | 'removed', what: string | number): void {
  shell ??= hire();
  shell?.stdin?.write(`${verb} ${what}\n`);
}
