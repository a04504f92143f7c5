import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

import { useConsole } from '../context.ts';

interface Series {
  readonly name: string;
  /** The name of the custom property of the style sheet that has the color. */
  readonly color: '--accent' | '--good' | '--bad' | '--warn';
  /** One value per minute. A value is `null` if it is not known. */
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  readonly title: string;
  readonly minutes: readonly string[];
  readonly series: readonly Series[];
}

const HEIGHT = 130;

/** A chart of some values over time. A list below the chart has the last and the largest value of each series. */
export function Chart({ title, minutes, series }: ChartProps) {
  const { texts, format } = useConsole();
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(null);
  const isDark = useDarkScheme();
  const data: uPlot.AlignedData = [
    minutes.map((minute) => Date.parse(minute) / 1_000),
    ...series.map(({ values }) => [...values]),
  ];

  useEffect(() => {
    const element = box.current!;
    const style = getComputedStyle(document.documentElement);
    // Canvases do not understand light-dark(), so an element resolves the colors.
    const probe = document.createElement('span');
    element.append(probe);
    const color = (name: string) => {
      probe.style.color = style.getPropertyValue(name);
      return getComputedStyle(probe).color;
    };
    const axis = { stroke: color('--muted'), grid: { stroke: color('--line'), width: 1 }, ticks: { show: false } };
    const plot = new uPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { show: false },
        scales: { y: { range: (_, __, most) => [0, Math.max(most ?? 0, 5)] } },
        axes: [
          { ...axis, size: 24, values: (_, seconds) => seconds.map((second) => format.clock(second * 1_000)) },
          { ...axis, size: 44, values: (_, values) => values.map((value) => format.number(value)) },
        ],
        series: [
          {},
          // The first line is wider, so that a second line with the same values does not hide it.
          ...series.map(({ name, color: property }, index) => ({
            label: name,
            stroke: color(property),
            width: index === 0 ? 4 : 2,
            // A single value is no line, and is shown as a point.
            points: { show: (plot: uPlot, line: number) => knownIn(plot.data[line]!) === 1 },
          })),
        ],
      },
      data,
      element,
    );
    probe.remove();
    chart.current = plot;
    const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [isDark, format, series.length]);

  useEffect(() => chart.current?.setData(data), [minutes, ...series.map(({ values }) => values)]);

  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <div ref={box} role="img" aria-label={title} />
      <ul>
        {series.map(({ name, color, values }) => {
          const known = values.filter((value) => value !== null);
          const last = known.at(-1);
          return (
            <li key={name}>
              <span class="swatch" style={{ background: `var(${color})` }} aria-hidden="true" /> {name}{' '}
              <strong>{last === undefined ? '–' : format.number(last)}</strong>{' '}
              {known.length > 0 && <small>{texts.atMost(format.number(Math.max(...known)))}</small>}
            </li>
          );
        })}
      </ul>
    </figure>
  );
}

const knownIn = (values: ArrayLike<unknown>) => Array.from(values).filter((value) => value != null).length;

function useDarkScheme(): boolean {
  const [isDark, setDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches);
  useEffect(() => {
    const query = matchMedia('(prefers-color-scheme: dark)');
    const onChange = () => setDark(query.matches);
    query.addEventListener('change', onChange);
    return () => query.removeEventListener('change', onChange);
  }, []);
  return isDark;
}
