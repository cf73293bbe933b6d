import type { Exif } from 'sharp';

/** What a camera writes into a photo; `seed` moves the time within one evening, so that equal seeds give equal bytes. */
export function cameraExif(seed: number, gps: boolean): Exif {
  const minute = String(seed % 60).padStart(2, '0');
  const second = String(Math.floor(seed / 60) % 60).padStart(2, '0');
  const takenAt = `2026:07:11 20:${minute}:${second}`;
  const place = {
    GPSLatitudeRef: 'N',
    GPSLatitude: '55/1 45/1 2088/100',
    GPSLongitudeRef: 'E',
    GPSLongitude: '37/1 37/1 204/100',
    GPSDateStamp: '2026:07:11',
  };
  return {
    IFD0: { Make: 'Canon', Model: 'Canon EOS R50', DateTime: takenAt, Software: 'Firmware 1.2.0' },
    IFD2: {
      DateTimeOriginal: takenAt,
      ExposureTime: '1/125',
      FNumber: '28/10',
      FocalLength: '35/1',
      BodySerialNumber: '042021000738',
    },
    ...(gps ? { IFD3: place } : {}),
  };
}
