import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { compareUtf8 } from '../domain/object-keys.ts';
import { LIST_STATS_AT_ONCE } from '../limits.ts';
import { ignoring, NOT_THERE } from './directory-errors.ts';
import { type FoundFile, find } from './directory-files.ts';
import { folderNames, parseName, segmentNames, unescapeText } from './directory-keys.ts';

export interface ListedFile extends FoundFile {
  key: string;
}

interface Entry {
  /** The segment of a file, the segment and a slash of a folder: in this order their keys follow each other. */
  label: string;
  path: string;
  isFolder: boolean;
}

interface Wanted {
  prefix: string;
  startAfter: string | undefined;
}

/**
 * The objects whose keys begin with the prefix and sort after `startAfter`, in byte order, by a walk that reads only the
 * folders which can hold such a key. Undefined where the prefix's folder does not exist.
 */
export async function* walk(bucketPath: string, wanted: Wanted): AsyncGenerator<ListedFile> {
  const base = wanted.prefix.slice(0, wanted.prefix.lastIndexOf('/') + 1);
  const folder = join(bucketPath, ...folderNames(base.split('/').slice(0, -1)));
  yield* walkFolder(folder, base, wanted);
}

async function* walkFolder(folder: string, base: string, wanted: Wanted): AsyncGenerator<ListedFile> {
  const entries = (await readEntries(folder)).filter((entry) => isWanted(base + entry.label, entry.isFolder, wanted));
  for (let i = 0; i < entries.length; ) {
    const entry = entries[i]!;
    if (entry.isFolder) {
      yield* walkFolder(entry.path, base + entry.label, wanted);
      i++;
      continue;
    }
    let end = i + 1;
    while (end < entries.length && end - i < LIST_STATS_AT_ONCE && !entries[end]!.isFolder) end++;
    const files = entries.slice(i, end);
    const found = files.map((file) => findListed(folder, file));
    for (const [j, file] of found.entries()) if (file) yield { ...file, key: base + files[j]!.label };
    i = end;
  }
}

/** An entry may have stepped aside for a folder, or gone, since the folder was read. */
function findListed(folder: string, entry: Entry): FoundFile | undefined {
  return find({ own: entry.path, displaced: join(folder, ...segmentNames(entry.label, true)) });
}

function isWanted(label: string, isFolder: boolean, { prefix, startAfter }: Wanted): boolean {
  if (!label.startsWith(prefix) && !(isFolder && prefix.startsWith(label))) return false;
  if (startAfter === undefined) return true;
  // Every key below a folder begins with its label: all are later, or all are earlier, unless startAfter does too.
  return (isFolder && startAfter.startsWith(label)) || compareUtf8(label, startAfter) > 0;
}

/** The files and folders in a folder, by the segments that they stand for and in the order of their keys. */
async function readEntries(folder: string): Promise<Entry[]> {
  const entries = new Map<string, Entry>();
  const add = (segment: string, names: string[], isFolder: boolean, displaced: boolean) => {
    const label = isFolder ? `${segment}/` : segment;
    const layoutOfIt = segmentNames(segment, displaced);
    if (layoutOfIt.length !== names.length || layoutOfIt.some((name, i) => name !== names[i])) return;
    // An object's own name comes before the displaced one, as `find` has it.
    if (displaced && entries.has(label)) return;
    entries.set(label, { label, path: join(folder, ...names), isFolder });
  };
  const read = async (outer: string[], text: string): Promise<void> => {
    const path = join(folder, ...outer);
    for (const dirent of (await readdir(path, { withFileTypes: true }).catch(ignoring(...NOT_THERE))) ?? []) {
      const part = parseName(dirent.name);
      const kind = part && (await kindOf(dirent, path));
      if (!kind) continue;
      const names = [...outer, dirent.name];
      if (part.kind === 'piece') {
        if (kind === 'folder') await read(names, text + part.text);
      } else {
        const segment = part.kind === 'plain' ? part.text : unescapeText(text + part.text);
        if (part.kind !== 'displaced' || kind === 'file')
          add(segment, names, kind === 'folder', part.kind === 'displaced');
      }
    }
  };
  await read([], '');
  return [...entries.values()].sort((a, b) => compareUtf8(a.label, b.label));
}

/** Links that people made are followed, but for one that leads back to a folder above itself. */
async function kindOf(dirent: Dirent, folder: string): Promise<'file' | 'folder' | undefined> {
  if (dirent.isFile()) return 'file';
  if (dirent.isDirectory()) return 'folder';
  if (!dirent.isSymbolicLink()) return undefined;
  const path = join(folder, dirent.name);
  const stats = await stat(path).catch(ignoring(...NOT_THERE));
  if (stats?.isFile()) return 'file';
  if (!stats?.isDirectory()) return undefined;
  const [target, here] = await Promise.all([realpath(path), realpath(folder)]);
  return `${here}${sep}`.startsWith(target === sep ? target : `${target}${sep}`) ? undefined : 'folder';
}
