/** What the process of a node takes, by the names that dashboards know from Prometheus' own clients. */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { type Family, gauge } from './exposition.ts';

/** Milliseconds between two looks at how late the event loop is: few enough that a stall is seen. */
const RESOLUTION = 20;

/** A look that is not late comes after the resolution, and counts as no delay. */
const seconds = (nanoseconds: number): number =>
  Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / 1e9 - RESOLUTION / 1000) : 0;

const lag = (histogram: IntervalHistogram): readonly Family[] => {
  const help = 'of the delay of the event loop since this was last asked, in seconds';
  const families = [
    gauge('nodejs_eventloop_lag_p50_seconds', `The median ${help}.`, seconds(histogram.percentile(50))),
    gauge('nodejs_eventloop_lag_p99_seconds', `The 99th percentile ${help}.`, seconds(histogram.percentile(99))),
    gauge('nodejs_eventloop_lag_max_seconds', `The most ${help}.`, seconds(histogram.max)),
  ];
  histogram.reset();
  return families;
};

export interface ProcessMetrics {
  /** What it is like now. */
  readonly families: () => readonly Family[];
  /** Ends looking at the event loop. */
  readonly stop: () => void;
}

/** Begins to look at the process. */
export const processMetrics = (): ProcessMetrics => {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION });
  histogram.enable();
  return {
    families: () => {
      const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
      const { user, system } = process.cpuUsage();
      return [
        ...lag(histogram),
        gauge('process_resident_memory_bytes', 'Memory of the process, in bytes.', rss),
        gauge('nodejs_heap_size_used_bytes', 'Memory that objects take, in bytes.', heapUsed),
        gauge('nodejs_heap_size_total_bytes', 'Memory that is there for objects, in bytes.', heapTotal),
        gauge('nodejs_external_memory_bytes', 'Memory of buffers beside the heap, in bytes.', external),
        {
          ...{ name: 'process_cpu_seconds_total', help: 'Time of processors spent, in seconds.', type: 'counter' },
          samples: [{ value: (user + system) / 1e6 }],
        },
      ];
    },
    stop: () => histogram.disable(),
  };
};
