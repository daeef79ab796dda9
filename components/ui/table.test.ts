import { expect, test } from 'vitest';
import { type Column, sortRows } from './table.tsx';

interface Row {
  name: string;
  size: number | null;
}
const columns: Column<Row>[] = [
  { id: 'name', header: 'Name', cell: (row) => row.name, sortBy: (row) => row.name },
  { id: 'size', header: 'Size', cell: (row) => row.size, sortBy: (row) => row.size },
];
const rows: Row[] = [
  { name: 'web-10', size: 3 },
  { name: 'Web-2', size: null },
  { name: 'db', size: 20 },
];
const names = (sorted: Row[]): string[] => sorted.map((row) => row.name);

test('names sort as people count, whatever their case', () => {
  expect(names(sortRows(rows, columns, { column: 'name', order: 'asc' }))).toEqual(['db', 'Web-2', 'web-10']);
  expect(names(sortRows(rows, columns, { column: 'name', order: 'desc' }))).toEqual(['web-10', 'Web-2', 'db']);
});

test('a missing value comes last in both directions', () => {
  expect(names(sortRows(rows, columns, { column: 'size', order: 'asc' }))).toEqual(['web-10', 'db', 'Web-2']);
  expect(names(sortRows(rows, columns, { column: 'size', order: 'desc' }))).toEqual(['db', 'web-10', 'Web-2']);
});

test('without a sort the given order stays, and the given rows are never touched', () => {
  const before = names(rows);
  expect(names(sortRows(rows, columns, null))).toEqual(before);
  sortRows(rows, columns, { column: 'name', order: 'asc' });
  expect(names(rows)).toEqual(before);
});
