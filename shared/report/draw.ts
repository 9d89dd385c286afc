import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';

/** A picture as SVG text, drawn without a browser. */
export async function draw(spec: TopLevelSpec): Promise<string> {
  const { spec: full } = compile({ ...spec, config: CONFIG } as TopLevelSpec);
  const view = new View(parse(full), { renderer: 'none' });
  try {
    // A hundredth of a pixel is more than enough, and half of the text.
    return (await view.toSVG()).replace(/(\d+\.\d{2})\d+/g, '$1');
  } finally {
    view.finalize();
  }
}

/**
 * Colours that the colour-blind tell apart (Okabe and Ito, Color universal design, 2008), without yellow, which is too light for points;
 * each has another lightness, and clusters that share one have other shapes.
 */
export const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00', '#4d4d4d'] as const;
export const SHAPES = ['circle', 'square', 'triangle-up', 'diamond', 'cross', 'triangle-down'] as const;
/** Of noise, and of what is not clustered. */
export const NOISE_COLOUR = '#b0b0b0';

const CONFIG = {
  background: '#ffffff',
  // Not a word for every point: the page says what a picture shows.
  mark: { aria: false },
  font: 'system-ui, sans-serif',
  axis: { labelFontSize: 12, titleFontSize: 13, gridColor: '#e5e5e5' },
  title: { fontSize: 14, anchor: 'start' as const },
  view: { stroke: '#cccccc' },
};
