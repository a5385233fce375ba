/** @file The texts that the page's modules show, in the language that is chosen. */

import { EN } from "./texts-en.js";

export const texts = EN;
