// Whether a part of the page is in sight.
import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

/** False until the browser has laid the part out. */
export function useVisible<Part extends Element>(): [RefObject<Part | null>, boolean] {
  const part = useRef<Part>(null);
  const [isVisible, setVisible] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => {
      setVisible(entries.at(-1)?.isIntersecting ?? false);
    });
    if (part.current !== null) observer.observe(part.current);
    return () => observer.disconnect();
  }, []);
  return [part, isVisible];
}
