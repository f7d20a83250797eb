import { useMantineColorScheme } from "@mantine/core";

/** The scheme in use, and how to choose one for good. */
export function useScheme(): ["light" | "dark", (scheme: "light" | "dark") => void] {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const shown = colorScheme === "auto" ? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light") : colorScheme;
  return [shown, (scheme) => { localStorage.setItem("scheme", scheme); setColorScheme(scheme); }];
}
