/** The photos of the benchmarks, rendered once a run and kept in its folder. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { renderScene, type SceneOptions } from '../scene.ts';

export interface Picture {
  readonly path: string;
  readonly bytes: Buffer;
}

export interface Pictures {
  /** What a camera sends: 6 MP, 1.6 MB, with EXIF. */
  photo(): Promise<Picture>;
  /** What the provider answers: 4 MP, 1.5 MB, without metadata. */
  answer(): Promise<Picture>;
  /** 20 kB, for the benchmark that only holds requests. */
  smallPhoto(): Promise<Picture>;
}

/** Renders at the first use. */
export function createPictures(directory: string): Pictures {
  const rendered = new Map<string, Promise<Picture>>();
  const picture = (name: string, options: SceneOptions) => (): Promise<Picture> => {
    const known = rendered.get(name) ?? render(join(directory, `${name}.jpg`), options);
    rendered.set(name, known);
    return known;
  };
  return {
    photo: picture('photo', {
      widthPx: 3000,
      heightPx: 2000,
      seed: 1,
      exif: true,
      gps: true,
      sizeBytesTarget: 1_600_000,
    }),
    answer: picture('answer', { widthPx: 2450, heightPx: 1633, seed: 2, sizeBytesTarget: 1_500_000 }),
    smallPhoto: picture('small', { widthPx: 320, heightPx: 240, seed: 3, sizeBytesTarget: 20_000 }),
  };
}

async function render(path: string, options: SceneOptions): Promise<Picture> {
  const bytes = await renderScene(options);
  await writeFile(path, bytes);
  return { path, bytes };
}
