import type { Figures } from './figures.ts';

/** One thing that has to hold, and what was found. */
export interface Bar {
  readonly name: string;
  readonly wanted: string;
  readonly found: string;
  readonly isMet: boolean;
}

/** What has to hold. @param picturesMin the share of pictures in the window, in percent; undefined: it is only shown. */
export function judge(figures: Figures, picturesMin: number | undefined): Bar[] {
  const { photos, picturesInWindow, findings } = figures;
  const share = photos === 0 ? 0 : (100 * picturesInWindow) / photos;
  const none = (name: string, count: number): Bar => ({ name, wanted: '0', found: String(count), isMet: count === 0 });
  return [
    ...(picturesMin === undefined
      ? []
      : [
          {
            name: 'pictures in the window',
            wanted: `≥ ${picturesMin} %`,
            found: `${share.toFixed(2)} %`,
            isMet: share >= picturesMin,
          },
        ]),
    none('double charges', figures.doubleCharges),
    none('late answers accepted', findings.lateAccepted),
    none('files left', findings.filesLeft.length),
    none('pictures without a file', findings.filesMissing.length),
    none('jobs never ended', findings.openJobs),
    none('calls with a strange photo', figures.strangeCalls),
  ];
}
