import { useConsole } from '../context.ts';

interface SparklineProps {
  readonly values: readonly number[];
  readonly from: string;
  readonly to: string;
}

const [WIDTH, HEIGHT, GAP] = [120, 24, 1];

/** Shows counts per time span as small bars. */
export function Sparkline({ values, from, to }: SparklineProps) {
  const { texts, format } = useConsole();
  const most = Math.max(1, ...values);
  const width = WIDTH / values.length;
  return (
    <svg
      class="sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      width={WIDTH}
      height={HEIGHT}
      role="img"
      aria-label={texts.sparkline(format.number(Math.max(0, ...values)), format.time(from), format.time(to))}
    >
      {values.map((value, index) => {
        const height = value === 0 ? 1 : Math.max(2, (value / most) * HEIGHT);
        return (
          <rect
            key={index}
            class={value === 0 ? 'none' : undefined}
            x={index * width}
            y={HEIGHT - height}
            width={Math.max(width - GAP, 1)}
            height={height}
          />
        );
      })}
    </svg>
  );
}
