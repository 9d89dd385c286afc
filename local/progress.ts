import picocolors from 'picocolors';
import { PROGRESS_REDRAW_MS } from '../shared/limits.ts';
import type { MachineEvent } from './machine/events.ts';

export interface ProgressOptions {
  /** Where people read it: stderr, since stdout is for data. */
  stream: { write(text: string): unknown; columns?: number };
  /** Bars that redraw themselves; otherwise one line a step. */
  tty: boolean;
  /** Nothing at all. */
  quiet: boolean;
  /** On a terminal by default, unless `NO_COLOR` is set. */
  color?: boolean;
}

export interface Progress {
  onEvent(event: MachineEvent): void;
  /** Takes the bar away; call it before anything else is printed, and when an execution is interrupted. */
  stop(): void;
}

interface Step {
  label: string;
  since: Date;
  /** Of a Map. */
  items?: { total: number; done: number; setAside: number };
}

const BAR_CELLS = 24;
const ERASE_LINE = '\r\u001b[2K';

/** Shows people where an execution is, from the machine's events. */
export function progress(options: ProgressOptions): Progress {
  const { stream, tty, quiet } = options;
  if (quiet) return { onEvent: () => undefined, stop: () => undefined };
  const color = picocolors.createColors(options.color ?? (tty && !process.env['NO_COLOR']));
  const steps = new Map<string, Step>();
  let shown = '';
  let drawnAt = Number.NEGATIVE_INFINITY;

  const erase = (): void => {
    if (shown !== '') stream.write(ERASE_LINE);
    shown = '';
  };
  const print = (line: string): void => {
    erase();
    stream.write(`${line}\n`);
  };
  const draw = (step: Step, now: Date, atOnce: boolean): void => {
    if (!tty || (!atOnce && now.getTime() - drawnAt < PROGRESS_REDRAW_MS)) return;
    const line = clipped(barOf(step, now), stream.columns);
    if (line !== shown) stream.write(`${ERASE_LINE}${line}`);
    shown = line;
    drawnAt = now.getTime();
  };

  const ofStep = (event: MachineEvent & { state: string }, step: Step): void => {
    switch (event.type) {
      case 'MapStarted':
        step.items = { total: event.items, done: 0, setAside: 0 };
        draw(step, event.at, true);
        break;
      case 'ItemEnded':
        if (!step.items) break;
        step.items.done++;
        if (event.caught || event.status === 'FAILED') step.items.setAside++;
        draw(step, event.at, step.items.done === step.items.total);
        break;
      case 'WaitStarted':
        if (event.seconds > 0) print(`${color.dim('…')} ${step.label}: ${lasting(event.seconds)}`);
        break;
      case 'StateRetried':
        print(`${color.yellow('!')} ${step.label}: ${event.error}, trying again in ${lasting(event.delaySeconds)}`);
        draw(step, event.at, true);
        break;
      case 'StateCaught':
        print(`${color.red('✗')} ${step.label}: ${event.error}${sentenceOf(event.cause)}`);
        break;
      case 'StateExited':
        print(`${color.green('✓')} ${doneLine(step, event.at)}`);
        break;
    }
  };

  return {
    onEvent(event) {
      // What happens to single items is in their Map's numbers.
      if (event.item || !('state' in event)) {
        if (event.type === 'SuccessorStarted') print(`${color.dim('…')} another run took over: ${event.name}`);
        return;
      }
      const key = `${event.execution} ${event.state}`;
      if (event.type === 'StateEntered') {
        if (!['Task', 'Map', 'Wait'].includes(event.stateType)) return;
        const step = { label: labelOf(event.state), since: event.at };
        steps.set(key, step);
        if (event.stateType !== 'Wait') draw(step, event.at, true);
        return;
      }
      const step = steps.get(key);
      if (!step) return;
      if (event.type === 'StateExited') steps.delete(key);
      // A state that was left by its Catch has said so, and a wait of no time is not worth a line.
      if (event.type === 'StateCaught' || (event.type === 'WaitStarted' && event.seconds === 0)) steps.delete(key);
      ofStep(event, step);
    },
    stop: erase,
  };
}

/** `ConvertWhole` is `convert whole`, `ReadEach` is `read`. */
function labelOf(state: string): string {
  const words = state.replace(/Each$/, '').replace(/(?<=[a-z])(?=[A-Z])/g, ' ');
  return words.toLowerCase();
}

function barOf(step: Step, now: Date): string {
  const seconds = (now.getTime() - step.since.getTime()) / 1000;
  if (!step.items) return `  ${step.label} …`;
  const { total, done } = step.items;
  const full = total === 0 ? BAR_CELLS : Math.floor((done / total) * BAR_CELLS);
  const bar = '█'.repeat(full) + '░'.repeat(BAR_CELLS - full);
  return `  ${step.label} ${bar} ${counts(step.items)} ${lasting(seconds)}`;
}

function doneLine(step: Step, now: Date): string {
  const took = lasting((now.getTime() - step.since.getTime()) / 1000);
  return step.items ? `${step.label}: ${counts(step.items)} in ${took}` : `${step.label} in ${took}`;
}

function counts(items: NonNullable<Step['items']>): string {
  const aside = items.setAside === 0 ? '' : `, ${items.setAside} failed`;
  return `${items.done}/${items.total}${aside}`;
}

function lasting(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  return `${minutes} min ${Math.floor(seconds - minutes * 60)} s`;
}

/** Lambda's message out of its JSON, or the cause as it stands. */
function sentenceOf(cause: string): string {
  const message = messageOf(cause);
  // An object's key may be in it, and a key may hold what a terminal takes for a command.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are meant
  return message === '' ? '' : `: ${message.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ')}`;
}

function messageOf(cause: string): string {
  try {
    const { errorMessage } = JSON.parse(cause) as { errorMessage?: unknown };
    return typeof errorMessage === 'string' ? errorMessage : '';
  } catch {
    // No JSON: Step Functions' own causes are plain sentences.
    return cause;
  }
}

/** A line longer than the terminal would wrap, and then could not be erased. */
function clipped(line: string, columns = 80): string {
  return line.length < columns ? line : line.slice(0, columns - 1);
}
