import { useEffect, useRef, useState } from 'preact/hooks';
import type { RefObject } from 'preact';

import { f } from '../format';
import { bars as place, ceiling, indexAt, marks } from './scale';

export interface Bar {
  /** Tells the bar from the others while the chart moves. */
  key: number;
  value: number | null;
  /** When it is, as the reader sees it. */
  name: string;
  /** More may still come in for this bar. */
  open?: boolean;
  /** It is one of those that the chart is about. */
  marked?: boolean;
}

export interface Band {
  low: number;
  high: number;
}

interface Props {
  bars: Bar[];
  /** A line over the bars, null where it has no point. */
  line?: (number | null)[];
  label: string;
  /** What stands under the first and the last bar. */
  ends: [string, string];
  formatValue(n: number): string;
  /** Where values usually are, drawn behind the bars; null where that is not known. */
  band?: (Band | null)[];
  legend?: { bars: string; line?: string; marked?: string; band?: string };
}

const height = 168;
const padTop = 10;

/**
 * Bars over time, read one at a time with the pointer or the arrow keys. The
 * value being read stands in a fixed place, so nothing moves or is covered.
 */
export function BarChart(props: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const [picked, pick] = useState<number | null>(null);

  const { bars } = props;
  const at = picked === null ? -1 : bars.findIndex((bar) => bar.key === picked);
  const chosen = bars[at];
  const numbers = [...bars.map((bar) => bar.value ?? 0), ...(props.line ?? []).map((n) => n ?? 0), ...(props.band ?? []).map((b) => b?.high ?? 0)];
  const top = ceiling(Math.max(0, ...numbers));

  const pickIndex = (i: number | null) => pick(i === null ? null : bars[i]?.key ?? null);
  const onKey = (event: KeyboardEvent) => {
    const next = moved(event.key, at, bars.length);
    if (next === undefined) return;
    event.preventDefault();
    pickIndex(next);
  };

  return (
    <figure class="chart">
      <figcaption class="readout">
        <Readout chosen={chosen} {...props} />
      </figcaption>
      <div class="plot-row">
        <div
          class="plot"
          ref={frame}
          role="slider"
          tabIndex={0}
          aria-label={`${props.label}. Arrow keys read the values.`}
          aria-valuemin={0}
          aria-valuemax={Math.max(0, bars.length - 1)}
          aria-valuenow={at < 0 ? Math.max(0, bars.length - 1) : at}
          aria-valuetext={spoken(chosen ?? bars.at(-1), props.formatValue)}
          onKeyDown={onKey}
          onBlur={() => pick(null)}
          onPointerMove={(event) => pickIndex(indexAt(event.offsetX, bars.length, width))}
          onPointerLeave={() => pick(null)}
        >
          <Drawing bars={bars} line={props.line ?? []} band={props.band ?? []} at={at} top={top} width={width} />
        </div>
        <Axis top={top} />
      </div>
      <p class="ends" aria-hidden="true">
        <span>{props.ends[0]}</span>
        <span>{props.ends[1]}</span>
      </p>
    </figure>
  );
}

function Readout({ chosen, legend, formatValue }: Props & { chosen: Bar | undefined }) {
  if (chosen !== undefined) {
    return (
      <>
        <span>{chosen.name}</span>
        <strong>{chosen.value === null ? 'nothing' : formatValue(chosen.value)}</strong>
        {chosen.open === true && <span>so far</span>}
      </>
    );
  }
  if (legend === undefined) return <>{'\u00a0'}</>;
  return (
    <>
      <span class="key key-bars">{legend.bars}</span>
      {legend.line !== undefined && <span class="key key-line">{legend.line}</span>}
      {legend.marked !== undefined && <span class="key key-marked">{legend.marked}</span>}
      {legend.band !== undefined && <span class="key key-band">{legend.band}</span>}
    </>
  );
}

interface DrawingProps {
  bars: Bar[];
  line: (number | null)[];
  band: (Band | null)[];
  /** The bar being read, or -1. */
  at: number;
  top: number;
  width: number;
}

function Drawing({ bars, line, band, at, top, width }: DrawingProps) {
  const { step, bar: barWidth } = place(bars.length, width);
  const y = (n: number) => padTop + (height - padTop) * (1 - n / top);
  const rect = (value: number, i: number) => {
    const from = Math.min(y(value), height - (value > 0 ? 1 : 0));
    return `M${(i * step).toFixed(2)} ${height}V${from.toFixed(2)}h${barWidth.toFixed(2)}V${height}z`;
  };
  const strip = ({ low, high }: Band, i: number) => {
    const tall = Math.max(2, y(low) - y(high));
    return `M${(i * step).toFixed(2)} ${(y(low) - tall).toFixed(2)}h${step.toFixed(2)}v${tall.toFixed(2)}h${(-step).toFixed(2)}z`;
  };
  const shape = (wanted: (bar: Bar, i: number) => boolean) =>
    bars.map((bar, i) => (bar.value !== null && bar.value > 0 && wanted(bar, i) ? rect(bar.value, i) : '')).join('');
  const points = line.flatMap((n, i) => (n === null ? [] : [{ x: i * step + barWidth / 2, y: y(n) }]));
  const tip = points.at(-1);
  return (
    <svg width={width} height={height} aria-hidden="true">
      {marks(top).map((n) => (
        <line key={n} class="mark-line" x1={0} x2={width} y1={y(n) - 0.5} y2={y(n) - 0.5} />
      ))}
      <path class="band" d={band.map((b, i) => (b === null ? '' : strip(b, i))).join('')} />
      <path class="bars-closed" d={shape((bar, i) => bar.open !== true && bar.marked !== true && i !== at)} />
      <path class="bars-marked" d={shape((bar, i) => bar.marked === true && i !== at)} />
      <path class="bars-open" d={shape((bar, i) => bar.open === true && i !== at)} />
      <path class="bars-chosen" d={shape((_, i) => i === at)} />
      {at >= 0 && <line class="cross" x1={at * step + barWidth / 2} x2={at * step + barWidth / 2} y1={0} y2={height} />}
      <polyline class="mean" points={points.map((p) => `${p.x.toFixed(2)},${p.y.toFixed(2)}`).join(' ')} />
      {tip !== undefined && <circle class="tip" cx={tip.x} cy={tip.y} r={3.5} />}
    </svg>
  );
}

function Axis({ top }: { top: number }) {
  return (
    <div class="axis" aria-hidden="true">
      {marks(top).toReversed().map((n) => <span key={n}>{f.short(n)}</span>)}
    </div>
  );
}

/** The index that a key moves to, null to let go, undefined for a key of no meaning here. */
function moved(key: string, at: number, n: number): number | null | undefined {
  const from = at < 0 ? n : at;
  switch (key) {
    case 'ArrowLeft':
    case 'ArrowDown':
      return Math.max(0, from - 1);
    case 'ArrowRight':
    case 'ArrowUp':
      return Math.min(n - 1, from + 1);
    case 'Home':
      return 0;
    case 'End':
      return n - 1;
    case 'Escape':
      return null;
    default:
      return undefined;
  }
}

function spoken(bar: Bar | undefined, formatValue: Props['formatValue']): string {
  if (bar === undefined) return 'no values yet';
  return `${bar.name}: ${bar.value === null ? 'nothing' : formatValue(bar.value)}`;
}

/** The width of an element in CSS pixels, kept up to date. */
function useWidth(of: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = of.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return width;
}
