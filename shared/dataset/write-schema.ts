import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { datasetJsonSchema } from './json-schema.ts';

/** `npm run schema`: writes the JSON Schema that editors check and complete `datasets/*.yml` with. */
const path = fileURLToPath(new URL('../../datasets/dataset.schema.json', import.meta.url));
await writeFile(path, datasetJsonSchema());
console.error(`Wrote ${path}`);
