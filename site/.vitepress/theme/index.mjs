import { useRoute } from "vitepress";
import Theme from "vitepress/theme";
import { nextTick, onMounted, watch } from "vue";
import MermaidDiagram from "./MermaidDiagram.vue";
import "./style.css";

/** The theme's start page has no landmark for its content, which screen readers need. */
async function markMain() {
  await nextTick();
  document.querySelector(".VPHome")?.setAttribute("role", "main");
}

export default {
  extends: Theme,
  enhanceApp: ({ app }) => app.component("MermaidDiagram", MermaidDiagram),
  setup() {
    const route = useRoute();
    onMounted(() => watch(() => route.path, markMain, { immediate: true, flush: "post" }));
  },
};
