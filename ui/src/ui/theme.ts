import { createTheme } from "@mantine/core";

/** One accent (iris); its filled shade is the same in both schemes, since a lighter one fails contrast with white. */
export const theme = createTheme({
  fontFamily: '"Inter Variable", system-ui, sans-serif',
  fontFamilyMonospace: '"JetBrains Mono Variable", ui-monospace, monospace',
  primaryColor: "iris",
  primaryShade: { light: 6, dark: 6 },
  defaultRadius: 8,
  colors: { iris: ["#eeeefd", "#dcdcfa", "#c4c4f6", "#acacf1", "#9494ec", "#7b7be4", "#5b5bd6", "#4f4fc4", "#4343ad", "#373792"] },
  components: { Button: { defaultProps: { size: "sm", radius: 6 } }, Drawer: { defaultProps: { overlayProps: { backgroundOpacity: 0.35 } } } },
});
