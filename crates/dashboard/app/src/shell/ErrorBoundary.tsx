import { Component, type ReactNode } from 'react';
import { ProblemAlert } from '../components/ProblemAlert';

/** Shows an error of the page itself, instead of an empty page. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error?: unknown }> {
  override state: { error?: unknown } = {};

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    if (this.state.error === undefined) return this.props.children;
    return (
      <main>
        <ProblemAlert
          error={this.state.error}
          again={{ label: 'Reload the page', act: () => window.location.reload() }}
        />
      </main>
    );
  }
}
