import type { Box } from './canvas.ts';

interface Size {
  width: number;
  height: number;
}

/** A side that is extended leaves the source at most this share, so that new picture is always to be seen. */
const SIDE_SHARE_MAX = 0.75;

/**
 * Where the source lies on the enlarged canvas, for each documented outpaint mode (an unknown one is taken as
 * `Zoom out 1.5x`). The source is never cropped, and not scaled when the canvas was made to measure.
 */
export function placeSource(mode: string, canvas: Size, source: Size): Box {
  switch (mode) {
    case 'Zoom out 2x':
      return fit(canvas, source, { shareX: 1 / 2, shareY: 1 / 2, alignX: 0.5, alignY: 0.5 });
    case 'Make square':
      return fit(canvas, source, { shareX: 1, shareY: 1, alignX: 0.5, alignY: 0.5 });
    case 'Left outpaint':
      return fit(canvas, source, { shareX: SIDE_SHARE_MAX, shareY: 1, alignX: 1, alignY: 0.5 });
    case 'Right outpaint':
      return fit(canvas, source, { shareX: SIDE_SHARE_MAX, shareY: 1, alignX: 0, alignY: 0.5 });
    case 'Top outpaint':
      return fit(canvas, source, { shareX: 1, shareY: SIDE_SHARE_MAX, alignX: 0.5, alignY: 1 });
    case 'Bottom outpaint':
      return fit(canvas, source, { shareX: 1, shareY: SIDE_SHARE_MAX, alignX: 0.5, alignY: 0 });
    default:
      return fit(canvas, source, { shareX: 2 / 3, shareY: 2 / 3, alignX: 0.5, alignY: 0.5 });
  }
}

function fit(
  canvas: Size,
  source: Size,
  rule: { shareX: number; shareY: number; alignX: number; alignY: number },
): Box {
  const scale = Math.min((canvas.width * rule.shareX) / source.width, (canvas.height * rule.shareY) / source.height);
  const width = Math.min(canvas.width, Math.max(1, Math.round(source.width * scale)));
  const height = Math.min(canvas.height, Math.max(1, Math.round(source.height * scale)));
  return {
    left: Math.round((canvas.width - width) * rule.alignX),
    top: Math.round((canvas.height - height) * rule.alignY),
    width,
    height,
  };
}
