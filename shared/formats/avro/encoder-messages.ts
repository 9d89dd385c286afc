import type { ErrorRecord } from '../../errors.ts';
import type { AvroFileOptions } from './writer.ts';

/** To the encoder's thread; `writer` is the number of a file under way. */
export type EncoderRequest =
  | { kind: 'open'; writer: number; options: AvroFileOptions }
  | { kind: 'batch'; writer: number; slot: number; memory: SharedArrayBuffer }
  | { kind: 'close'; writer: number }
  | { kind: 'abort'; writer: number };

/** From it, in the order of the requests of a writer. */
export type EncoderAnswer =
  /** The slot's memory is free again; `bytes` of the file are written. */
  | { kind: 'taken'; writer: number; slot: number; bytes: number; error?: ErrorRecord }
  | { kind: 'closed'; writer: number; rows: number; bytes: number; error?: ErrorRecord };
