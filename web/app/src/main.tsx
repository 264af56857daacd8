// Starts the app.

import "@fontsource-variable/inter/wght.css";
import "./styles/tokens.css";
import "./styles/base.css";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { language } from "./i18n";

document.documentElement.lang = language;
const root = document.getElementById("root");
if (root) createRoot(root).render(<App />);
