/** Shows the logo of Holdfast: a bar that holds two posts. */
export function Mark() {
  return (
    <svg width="24" height="24" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="var(--accent)" />
      <path
        d="M10 7v18M22 7v18M10 16h12"
        fill="none"
        stroke="var(--on-accent)"
        strokeWidth="3.4"
        strokeLinecap="round"
      />
      <circle cx="16" cy="16" r="3.6" fill="var(--accent)" stroke="var(--on-accent)" strokeWidth="2.6" />
    </svg>
  );
}
