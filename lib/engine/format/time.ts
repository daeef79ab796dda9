// Times as Go writes them (time.RFC3339Nano): local offset, trailing zeros of the fraction cut, 'Z' for UTC. Years are
// clamped to 0000..9999 as restic's FixTime does, because Go refuses to marshal others.

import { AppError } from '#lib/errors.ts';

const NS_PER_SECOND = 1_000_000_000n;
const SECONDS_PER_DAY = 86_400;
const DAYS_PER_400_YEARS = 146_097;
const MS_PER_400_YEARS = DAYS_PER_400_YEARS * SECONDS_PER_DAY * 1000;

/** Go's zero time, which restic writes for a time it does not know. */
export const ZERO_TIME = '0001-01-01T00:00:00Z';

/** Proleptic Gregorian date of a day counted from 1970-01-01 (H. Hinnant, "chrono-compatible low-level date algorithms"). */
function civilFromDays(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / DAYS_PER_400_YEARS);
  const dayOfEra = shifted - era * DAYS_PER_400_YEARS;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1;
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}

function daysFromCivil(year: number, month: number, day: number): number {
  const shiftedYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(shiftedYear / 400);
  const yearOfEra = shiftedYear - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * DAYS_PER_400_YEARS + dayOfEra - 719_468;
}

const MAX_DATE_MS = 8.64e15;

/** Offset of the local zone in seconds east of UTC. Beyond Date's range: that of the same day some 400-year cycles away. */
function localOffset(seconds: number): number {
  let ms = seconds * 1000;
  if (Math.abs(ms) > MAX_DATE_MS) {
    const beyond = Math.ceil((Math.abs(ms) - MAX_DATE_MS) / MS_PER_400_YEARS);
    ms -= Math.sign(ms) * beyond * MS_PER_400_YEARS;
  }
  return new Date(ms).getTimezoneOffset() * -60;
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, '0');
}

function offsetText(offset: number): string {
  if (offset === 0) return 'Z';
  const minutes = Math.abs(offset) / 60;
  return `${offset < 0 ? '-' : '+'}${pad(Math.floor(minutes / 60), 2)}:${pad(Math.floor(minutes % 60), 2)}`;
}

/** RFC 3339 text of a time in nanoseconds since 1970, in the local zone, or at `offset` seconds east of UTC when given. */
export function formatTime(ns: bigint, offset?: number): string {
  let nanos = Number(ns % NS_PER_SECOND);
  let seconds = Number(ns / NS_PER_SECOND);
  if (nanos < 0) {
    nanos += 1_000_000_000;
    seconds -= 1;
  }
  let zone = offset ?? localOffset(seconds);
  const local = seconds + zone;
  const days = Math.floor(local / SECONDS_PER_DAY);
  const second = local - days * SECONDS_PER_DAY;
  let date = civilFromDays(days);
  if (date.year < 0 || date.year > 9999) {
    // As Go's AddDate: the wall clock stays, 29 February moves to 1 March in a common year, the offset is looked up anew.
    const moved = daysFromCivil(date.year < 0 ? 0 : 9999, date.month, date.day);
    date = civilFromDays(moved);
    zone = offset ?? localOffset(moved * SECONDS_PER_DAY + second - zone);
  }
  const fraction = nanos === 0 ? '' : `.${pad(nanos, 9).replace(/0+$/, '')}`;
  const clock = `${pad(Math.floor(second / 3600), 2)}:${pad(Math.floor(second / 60) % 60, 2)}:${pad(second % 60, 2)}`;
  return `${pad(date.year, 4)}-${pad(date.month, 2)}-${pad(date.day, 2)}T${clock}${fraction}${offsetText(zone)}`;
}

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?\d*(?:Z|([+-])(\d\d):(\d\d))$/;

/** Nanoseconds since 1970 of a stored time. Throws 'repository-damaged' for anything but RFC 3339. */
export function parseTime(text: string): bigint {
  const match = RFC3339.exec(text);
  if (!match) throw new AppError('repository-damaged', `"${text}" is not an RFC 3339 time.`);
  const [, year, month, day, hour, minute, second, fraction = '', sign, zoneHour, zoneMinute] = match;
  let seconds =
    daysFromCivil(Number(year), Number(month), Number(day)) * SECONDS_PER_DAY +
    Number(hour) * 3600 +
    Number(minute) * 60 +
    Number(second);
  if (sign) seconds += (sign === '-' ? 1 : -1) * (Number(zoneHour) * 3600 + Number(zoneMinute) * 60);
  return BigInt(seconds) * NS_PER_SECOND + BigInt(fraction.padEnd(9, '0'));
}

/** Text of a Date, which knows milliseconds, in the local zone. */
export function formatDate(date: Date): string {
  return formatTime(BigInt(date.getTime()) * 1_000_000n);
}
