import { z } from 'zod';
import { BadRequest } from '../shared/errors.ts';

/** A step's input as its schema has it; throws `BadRequest`, which is never retried. */
export function parseStepInput<T>(schema: z.ZodType<T>, event: unknown): T {
  const parsed = schema.safeParse(event);
  if (parsed.success) return parsed.data;
  throw new BadRequest(`The step's input is not what the state machine sends: ${z.prettifyError(parsed.error)}`);
}
