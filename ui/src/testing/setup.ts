// What the browser has and the tests' one has not.
import { speak } from "../lib/words";

window.matchMedia ??= (query: string) => ({ matches: false, media: query, onchange: null, addEventListener() {}, removeEventListener() {}, addListener() {}, removeListener() {}, dispatchEvent: () => false }) as MediaQueryList;
globalThis.ResizeObserver ??= class { observe() {} unobserve() {} disconnect() {} };

localStorage.setItem("language", "en");
await speak("en");
