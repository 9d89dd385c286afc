import { readFile, stat } from 'node:fs/promises';
import { BadRequest } from '../shared/errors.ts';

/** The text of a file that a person names; `BadRequest` where it cannot be read. */
export async function readNamedFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new BadRequest(`Cannot read ${path}: ${reasonOf(error as NodeJS.ErrnoException)}`, {
      where: path,
      cause: error,
    });
  }
}

/** Throws `BadRequest` for what is no file; `verb` is what was to be done with it. */
export async function checkFiles(paths: readonly string[], verb: string): Promise<void> {
  for (const path of paths) {
    const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
      throw new BadRequest(`Cannot ${verb} ${path}: ${reasonOf(error)}`, { where: path, cause: error });
    });
    if (found.isFile()) continue;
    const what = found.isDirectory() ? 'a directory; name its files' : 'no file';
    throw new BadRequest(`Cannot ${verb} ${path}: it is ${what}`, { where: path });
  }
}

/** Why a file cannot be used, as people say it. */
function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return 'there is no such file';
  if (error.code === 'EISDIR') return 'it is a directory';
  return error.message;
}
