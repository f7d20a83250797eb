// Boxes and lines of maps.
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

const LETTER = 7.4; // the width of a letter of a box's title, in the map's units

export const clipped = (text: string, most: number) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

export function Node({ x, y, width, title, line, kind, to }: { x: number; y: number; width: number; title: string; line?: string; kind: string; to?: { slug: string; id: string } }): ReactNode {
  const box = <g className={`node ${kind}`}><title>{title}</title><rect x={x} y={y - 20} width={width} height={40} rx={8} /><circle cx={x + 13} cy={y - 5} r={4} /><text x={x + 24} y={line ? y - 1 : y + 4}>{clipped(title, Math.floor((width - 30) / LETTER))}</text>{line && <text x={x + 24} y={y + 13} className="small">{line}</text>}</g>;
  return to ? <Link to="/$slug/$id" params={to}>{box}</Link> : box;
}

export const curve = (x1: number, y1: number, x2: number, y2: number) => `M${x1},${y1} C${(x1 + x2) / 2},${y1} ${(x1 + x2) / 2},${y2} ${x2},${y2}`;
