import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import { orNoChart } from './or-no-chart.tsx';

test('a chart whose code does not arrive becomes a sentence, so that the page around it stays', async () => {
  const Shown = await orNoChart<object>(Promise.reject(new Error('Failed to load chunk')));
  expect(renderToStaticMarkup(<Shown />)).toContain('The chart did not arrive.');
});

function Chart() {
  return <p>a chart</p>;
}

test('a chart whose code arrives is that chart', async () => {
  expect(await orNoChart<object>(Promise.resolve(Chart))).toBe(Chart);
});
