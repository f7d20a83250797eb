// Boxes and lines of maps.
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

export function Node({ x, y, width, title, line, kind, to }: { x: number; y: number; width: number; title: string; line?: string; kind: string; to?: { slug: string; id: string } }): ReactNode {
  const box = <g className={`node ${kind}`}><rect x={x} y={y - 18} width={width} height={36} rx={8} /><text x={x + 12} y={line ? y - 2 : y + 4}>{title.slice(0, Math.floor(width / 8))}</text>{line && <text x={x + 12} y={y + 12} className="small">{line}</text>}</g>;
  return to ? <Link to="/$slug/$id" params={to}>{box}</Link> : box;
}

export const curve = (x1: number, y1: number, x2: number, y2: number) => `M${x1},${y1} C${(x1 + x2) / 2},${y1} ${(x1 + x2) / 2},${y2} ${x2},${y2}`;
